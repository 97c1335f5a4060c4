// The least that does the same in memory: HTTP in, HTTP/2 out, nothing kept, nothing decided. Registrations get an
// answer that never changes.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:http2';
import { deviceTokenOf } from './requests.mjs';

const ACCOUNT_ID = '0715A26B-CA09-4730-A419-793000CA982E';
const DAY_S = 86_400;

process.once('message', async ({ url, ca, certificate, key, topic }) => {
  const session = connect(url, {
    ca: readFileSync(ca),
    cert: readFileSync(certificate),
    key: readFileSync(key),
  });
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const event = JSON.parse(Buffer.concat(chunks));
      if (request.url === '/notify') push(session, topic, event);
      response.writeHead(200, { 'Content-Length': topic.length });
      response.end(topic);
    });
  });
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port, pid: process.pid }));
  process.once('disconnect', () => process.exit());
});

function push(session, topic, { Username }) {
  const stream = session.request({
    ':method': 'POST',
    ':path': `/3/device/${deviceTokenOf(Number(Username.slice('user'.length)))}`,
    'apns-id': randomUUID(),
    'apns-topic': topic,
    'apns-push-type': 'background',
    'apns-priority': '5',
    'apns-expiration': String(Math.floor(Date.now() / 1000) + DAY_S),
    'content-type': 'application/json',
  });
  stream.resume();
  stream.end(JSON.stringify({ aps: { 'account-id': ACCOUNT_ID } }));
}
