const ACCOUNT_ID = '0715A26B-CA09-4730-A419-793000CA982E';
const DAY_S = 24 * 60 * 60;

/** What every client sends: so many devices, one push to each, with the payload of new mail in INBOX. */
export function* pushes(count) {
  const expirationS = Math.floor(Date.now() / 1000) + DAY_S;
  const payload = JSON.stringify({ aps: { 'account-id': ACCOUNT_ID } });
  for (let n = 0; n < count; n += 1) yield { token: tokenOf(n), accountId: ACCOUNT_ID, payload, expirationS };
}

export function tokenOf(n) {
  return (n + 1).toString(16).padStart(64, '0');
}
