// Tells so many events over Cyrus's notify socket as lmtpd does: one connection each, the answer awaited.
import { eventFor, notify } from './notify.mjs';

process.once('message', async ({ socket, count, concurrency, first = 0 }) => {
  const beginMs = performance.now();
  let next = first;
  const tell = async () => {
    while (next < first + count) await notify(socket, eventFor(next++));
  };
  await Promise.all(Array.from({ length: concurrency }, tell));
  const tookMs = performance.now() - beginMs;
  process.send({ tookMs, rate: (count * 1000) / tookMs }, () => process.disconnect());
});
