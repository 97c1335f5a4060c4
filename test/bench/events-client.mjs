// Tells so many events over Cyrus's notify socket as lmtpd does: one connection each, the answer awaited.
import { connect } from 'node:net';

process.once('message', async ({ socket, count, concurrency, first = 0 }) => {
  const beginMs = performance.now();
  let next = first;
  const tell = async () => {
    while (next < first + count) await notify(socket, event(next++));
  };
  await Promise.all(Array.from({ length: concurrency }, tell));
  const tookMs = performance.now() - beginMs;
  process.send({ tookMs, rate: (count * 1000) / tookMs }, () => process.disconnect());
});

function event(n) {
  const uri = `imap://mail.example.org/user/user${n};UIDVALIDITY=1700000000/;UID=1`;
  return JSON.stringify({ event: 'MessageNew', uri, user: '', 'vnd.cmu.mbtype': 'e' });
}

function notify(path, json) {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.on('error', reject);
    socket.once('data', (answer) => {
      socket.destroy();
      if (answer.toString('latin1') === 'OK NIL\r\n') resolve();
      else reject(new Error(`serve answered ${answer}`));
    });
    socket.write(
      `NOTIFY %(METHOD external CLASS EVENT PRIORITY NIL USER NIL MAILBOX NIL OPTIONS () MESSAGE {${json.length}+}\r\n${json} FILEPATH NIL)\r\n`,
    );
  });
}
