// Requests of Dovecot's XAPS plugin, for the users of the bench.
const ACCOUNT_ID = '0715A26B-CA09-4730-A419-793000CA982E';

const BODIES = {
  '/notify': (user) => ({ Username: user, Mailbox: 'INBOX', Events: ['MessageNew'] }),
  '/register': (user, n) => ({
    ApsAccountId: ACCOUNT_ID,
    ApsDeviceToken: deviceTokenOf(n),
    ApsSubtopic: 'com.apple.mobilemail',
    Username: user,
    Mailboxes: ['INBOX', 'Notes'],
  }),
};

/** The bytes of the request for user `n`. */
export function requestFor(path, n) {
  const body = JSON.stringify(BODIES[path](`user${n}`, n));
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** That of the device of `user0`, `user1` and so on. */
export function deviceTokenOf(user) {
  return (user + 1).toString(16).padStart(64, '0');
}
