// Tells events over Cyrus's notify socket, one each so many milliseconds, whoever still waits: gives how long they waited
// for their answers, and for each user when it was told.
import { eventFor, notify } from './notify.mjs';

process.once('message', async ({ socket, count, intervalMs, devices }) => {
  const waits = [];
  const told = [];
  const tellOne = async (n) => {
    const beginMs = performance.now();
    const user = Math.floor((n * devices) / count);
    told.push([user, Date.now()]);
    await notify(socket, eventFor(user));
    waits.push(performance.now() - beginMs);
  };
  const telling = [];
  for (let n = 0; n < count; n += 1) {
    telling.push(tellOne(n));
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
  await Promise.all(telling);
  waits.sort((a, b) => a - b);
  const [medianMs, longestMs] = [waits[Math.floor(count / 2)], waits[count - 1]];
  process.send({ count, medianMs, longestMs, told }, () => process.disconnect());
});
