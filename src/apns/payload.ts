/** The largest payload that Apple takes (https://developer.apple.com/documentation/usernotifications); above: 413. */
export const MAX_PAYLOAD_BYTES = 4096;

/**
 * A hash takes 35 bytes: 32 hex digits, two quotes, a comma. A hundred take 3,499, what is around them 32: that
 * leaves 565 of the 4,096 for the account id, which is a UUID of 36.
 */
export const MAX_MAILBOXES_PER_PUSH = 100;

/**
 * The JSON body of a push for a calendar or an address book, as Apple's Calendar and Contacts Server writes it
 * (https://github.com/apple/ccs-calendarserver, applepush.py). Without `sentMs` it is what every attempt has in common.
 */
export function collectionPayload(key: string, changedMs: number, sentMs?: number): string {
  return JSON.stringify({
    key,
    dataChangedTimestamp: seconds(changedMs),
    ...(sentMs !== undefined && { pushRequestSubmittedTimestamp: seconds(sentMs) }),
  });
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}

/**
 * The JSON body of a Mail push. Without hashes Mail looks at INBOX only; with them, at the mailboxes they name.
 * Hashes after the first MAX_MAILBOXES_PER_PUSH are left out: Apple would refuse the whole push.
 */
export function mailPayload(accountId: string, mailboxHashes: readonly string[]): string {
  const aps = { 'account-id': accountId };
  if (mailboxHashes.length === 0) return JSON.stringify({ aps });
  return JSON.stringify({ aps: { ...aps, m: mailboxHashes.slice(0, MAX_MAILBOXES_PER_PUSH) } });
}
