// The least that sends the same pushes: one connection of node:http2, so many streams at once, nothing kept.
import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { headersFor, pushes } from './pushes.mjs';

process.once('message', async (task) => {
  const { url, ca, certificate, key, topic, count, concurrency } = task;
  const session = connect(url, {
    ca: readFileSync(ca),
    cert: readFileSync(certificate),
    key: readFileSync(key),
  });
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  const waiting = pushes(count);
  const send = async () => {
    for (const { token, payload, expirationS } of waiting)
      await post(session, { token, payload, expirationS, topic });
  };
  await Promise.all(Array.from({ length: concurrency }, send));
  session.close();
  process.send({ done: true }, () => process.disconnect());
});

function post(session, { token, payload, expirationS, topic }) {
  return new Promise((resolve, reject) => {
    const stream = session.request(headersFor({ token, topic, expirationS }));
    let status;
    stream.on('response', (headers) => (status = headers[':status']));
    stream.on('error', reject);
    stream.on('end', () => (status === 200 ? resolve() : reject(new Error(`status ${status}`))));
    stream.resume();
    stream.end(payload);
  });
}
