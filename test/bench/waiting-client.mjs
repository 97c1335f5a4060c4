// Tells events over Cyrus's notify socket, one each so many milliseconds, whoever still waits: gives how long they waited
// for their answers.
import { eventFor, notify } from './notify.mjs';

process.once('message', async ({ socket, count, intervalMs, devices }) => {
  const waits = [];
  const tellOne = async (n) => {
    const beginMs = performance.now();
    await notify(socket, eventFor(Math.floor((n * devices) / count)));
    waits.push(performance.now() - beginMs);
  };
  const telling = [];
  for (let n = 0; n < count; n += 1) {
    telling.push(tellOne(n));
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
  await Promise.all(telling);
  waits.sort((a, b) => a - b);
  process.send({ count, medianMs: waits[Math.floor(count / 2)], longestMs: waits[count - 1] }, () =>
    process.disconnect(),
  );
});
