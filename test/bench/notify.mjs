import { connect } from 'node:net';

/** New mail for one of the users of the bench. */
export function eventFor(n) {
  const uri = `imap://mail.example.org/user/user${n};UIDVALIDITY=1700000000/;UID=1`;
  return JSON.stringify({ event: 'MessageNew', uri, user: '', 'vnd.cmu.mbtype': 'e' });
}

/** Tells an event as lmtpd does: one connection, the answer awaited. */
export function notify(path, json) {
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
