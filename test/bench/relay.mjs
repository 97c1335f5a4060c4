// The least that does the same in memory: HTTP in, HTTP/2 out, nothing kept, nothing decided. Registrations get an
// answer that never changes.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:http2';
import { expirationFromNowS, headersFor, PAYLOAD, tokenOf } from './pushes.mjs';

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
  const token = tokenOf(Number(Username.slice('user'.length)));
  const stream = session.request(headersFor({ token, topic, expirationS: expirationFromNowS() }));
  stream.resume();
  stream.end(PAYLOAD);
}
