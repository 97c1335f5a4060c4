// Requests of Dovecot's XAPS plugin, for the users of the bench.
import { ACCOUNT_ID, tokenOf } from './pushes.mjs';

const BODIES = {
  '/notify': (user) => ({ Username: user, Mailbox: 'INBOX', Events: ['MessageNew'] }),
  '/register': (user, n) => ({
    ApsAccountId: ACCOUNT_ID,
    ApsDeviceToken: tokenOf(n),
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
