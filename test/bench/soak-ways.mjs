// The ways into `serve` that are connections; each tells one event and gives whether it was accepted.
import { request } from 'node:http';
import { connect } from 'node:net';

const ANSWER_TIMEOUT_MS = 15_000;

/** As lmtpd does: a connection for each event, the answer awaited. */
export function tellDlist(path, json) {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
    socket.on('error', () => undefined); // then it closes
    socket.once('close', () => resolve(false));
    socket.once('data', (answer) => {
      resolve(answer.toString('latin1') === 'OK NIL\r\n');
      socket.destroy();
    });
    const keys = 'METHOD external CLASS EVENT PRIORITY NIL USER NIL MAILBOX NIL OPTIONS () MESSAGE';
    socket.write(`NOTIFY %(${keys} {${Buffer.byteLength(json)}+}\r\n${json} FILEPATH NIL)\r\n`);
  });
}

export function tellHttp(port, json) {
  return new Promise((resolve) => {
    const asked = request({
      ...{ host: '127.0.0.1', port, path: '/events', method: 'POST', agent: false },
      headers: { 'Content-Type': 'application/json' },
      timeout: ANSWER_TIMEOUT_MS,
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(false));
    asked.on('response', (answer) => resolve(answer.resume().statusCode === 202));
    asked.end(json);
  });
}
