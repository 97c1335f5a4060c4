// Sends so many requests over HTTP/1.1, each connection one at a time, as the plugin does. Answers are not parsed by a
// library, which would take as much of the machine as what is measured.
import { connect } from 'node:net';
import { requestFor } from './requests.mjs';

const HEAD_END = '\r\n\r\n';

process.once('message', async ({ port, path, count, connections, first = 0 }) => {
  const open = await Promise.all(Array.from({ length: connections }, () => opened(port)));
  let next = first;
  const beginMs = performance.now();
  const send = async (socket) => {
    while (next < first + count) await ask(socket, requestFor(path, next++));
  };
  await Promise.all(open.map(send));
  const tookMs = performance.now() - beginMs;
  for (const socket of open) socket.destroy();
  process.send({ tookMs, rate: (count * 1000) / tookMs }, () => process.disconnect());
});

function opened(port) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}

function ask(socket, request) {
  return new Promise((resolve, reject) => {
    let came = '';
    const read = (chunk) => {
      came += chunk.latin1Slice();
      if (!isWhole(came)) return;
      socket.off('data', read);
      if (came.startsWith('HTTP/1.1 2')) resolve();
      else reject(new Error(`answered ${came}`));
    };
    socket.on('data', read);
    socket.write(request);
  });
}

function isWhole(answer) {
  const head = answer.indexOf(HEAD_END);
  if (head < 0) return false;
  const bytes = Number(/content-length: (\d+)/i.exec(answer)?.[1] ?? 0);
  return answer.length >= head + HEAD_END.length + bytes;
}
