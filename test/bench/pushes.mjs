import { randomUUID } from 'node:crypto';

export const ACCOUNT_ID = '0715A26B-CA09-4730-A419-793000CA982E';
const DAY_S = 24 * 60 * 60;

/** What every client sends: so many devices, one push to each, with the payload of new mail in INBOX. */
export function* pushes(count) {
  const expirationS = expirationFromNowS();
  for (let n = 0; n < count; n += 1)
    yield { token: tokenOf(n), accountId: ACCOUNT_ID, payload: PAYLOAD, expirationS };
}

/** The headers of a push of Mail's. */
export function headersFor({ token, topic, expirationS }) {
  return {
    ':method': 'POST',
    ':path': `/3/device/${token}`,
    'apns-id': randomUUID(),
    'apns-topic': topic,
    'apns-push-type': 'background',
    'apns-priority': '5',
    'apns-expiration': String(expirationS),
    'content-type': 'application/json',
  };
}

export function expirationFromNowS() {
  return Math.floor(Date.now() / 1000) + DAY_S;
}

/** The payload of new mail in INBOX. */
export const PAYLOAD = JSON.stringify({ aps: { 'account-id': ACCOUNT_ID } });

/** The device of `user0`, `user1` and so on has this one. */
export function tokenOf(n) {
  return (n + 1).toString(16).padStart(64, '0');
}
