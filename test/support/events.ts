import { readFileSync } from 'node:fs';

/** The account id and device token of the captured registrations. */
export const ACCOUNT_ID = '0715A26B-CA09-4730-A419-793000CA982E';
export const DEVICE_TOKEN = '80aa34cb0fc0a6cb4f0a5c8b8f9b4f3a80aa34cb0fc0a6cb4f0a5c8b8f9b4f3a';

/** What notify_external was given by a real Cyrus: one line with its newline. */
export function captured(file: string): Buffer {
  return readFileSync(new URL(`../fixtures/cyrus/${file}`, import.meta.url));
}

/** A captured event with other values. */
export function capturedWith(file: string, changes: Record<string, unknown>): string {
  return `${JSON.stringify({ ...(JSON.parse(captured(file).toString()) as object), ...changes })}\n`;
}

/** A registration of that user's device for these mailboxes. */
export function registration(changes: Record<string, unknown> = {}): string {
  return capturedWith('0025-ApplePushService-aps-v2.json', changes);
}

/** A delivery to that user's INBOX. */
export function messageNew(user = 'alice'): string {
  const uri = `imap://mail.example.org/user/${user};UIDVALIDITY=1795177838/;UID=1`;
  return capturedWith('0060-MessageNew-lmtp-inbox.json', { user, uri });
}

/** The device token number `n`; none is all zeros, which nobody has. */
export function tokenNumber(n: number): string {
  return (n + 1).toString(16).padStart(64, '0');
}
