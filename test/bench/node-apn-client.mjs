// npm's @parse/node-apn, with the certificate of the mock: one connection, so many pushes at once.
import apn from '@parse/node-apn';
import { pushes } from './pushes.mjs';

process.once('message', async ({ url, ca, certificate, key, topic, count, concurrency }) => {
  const { hostname, port } = new URL(url);
  const provider = new apn.Provider({
    ...{ cert: certificate, key, ca: [ca], address: hostname, port: Number(port), production: false },
    requestTimeout: 60_000,
  });
  const waiting = pushes(count);
  const send = async () => {
    for (const { token, accountId, expirationS } of waiting) {
      const { failed } = await provider.send(notification(topic, accountId, expirationS), token);
      if (failed.length > 0) throw new Error(JSON.stringify(failed[0].response ?? String(failed[0].error)));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, send));
  process.send({ done: true }, () => process.exit());
});

function notification(topic, accountId, expiry) {
  const one = new apn.Notification({ aps: { 'account-id': accountId } });
  return Object.assign(one, { topic, pushType: 'background', priority: 5, expiry, id: crypto.randomUUID() });
}
