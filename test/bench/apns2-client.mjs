// npm's apns2. It has no option for a port or another root, so its connection pool (undici) is replaced by one with the
// same options, to the mock; it sends no apns-id, which the mock wants, so the pool adds one.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ApnsClient, Notification, Priority, PushType } from 'apns2';
import { pushes } from './pushes.mjs';

const { Pool } = createRequire(import.meta.resolve('apns2'))('undici');

process.once('message', async ({ url, ca, certificate, key, topic, count, concurrency, pool }) => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signingKey = privateKey.export({ type: 'pkcs8', format: 'pem' });
  const client = new ApnsClient({ team: 'TEAM567890', keyId: 'KEY4567890', signingKey, defaultTopic: topic });
  await client.client.close();
  const connections = new Pool(url, {
    allowH2: true,
    ...pool,
    connect: { ca: readFileSync(ca), cert: readFileSync(certificate), key: readFileSync(key) },
  });
  client.client = {
    request: (options) =>
      connections.request({ ...options, headers: { ...options.headers, 'apns-id': randomUUID() } }),
  };
  const waiting = pushes(count);
  const send = async () => {
    for (const { token, accountId, expirationS } of waiting) {
      const aps = { 'account-id': accountId };
      const options = {
        type: PushType.background,
        priority: Priority.throttled,
        expiration: expirationS,
        aps,
      };
      await client.send(new Notification(token, options));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, send));
  process.send({ done: true }, () => process.exit());
});
