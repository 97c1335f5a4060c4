import { createPublicKey } from 'node:crypto';
import { readSubscription, type Subscription } from '../services/webpush/subscription.ts';
import type { MetadataChange } from '../store/metadata.ts';

/** What an entry that is set means: a subscription, or why it is none. */
export type SubscriptionEntry = Subscription | { problem: string };

/**
 * The entries of Web Push over METADATA, below /private/vendor/vendor.dovecot/webpush of the server, which Dovecot keeps
 * with the INBOX of whoever asks, or of a mailbox.
 */
const PLACE =
  /^priv\/[^/]+\/(?:vendor\/vendor\.dovecot\/pvt\/server\/)?vendor\/vendor\.dovecot\/webpush\/(.*)$/s;
const SUBSCRIPTION = /^subscriptions\/[\w-]{1,64}$/;

function nameOf(key: string): string | undefined {
  return PLACE.exec(key)?.[1];
}

export function isVapidKey(key: string): boolean {
  return nameOf(key) === 'vapid';
}

/** Of the changes those of subscriptions; of each entry the last counts, as in the store. */
export function subscriptionChanges(changes: readonly MetadataChange[]): MetadataChange[] {
  const last = new Map(changes.map((change) => [change.key, change]));
  return [...last.values()].filter(({ key }) => SUBSCRIPTION.test(nameOf(key) ?? ''));
}

/** Clients put the subscription into `resource`, beside names of the app and the device; browsers give it as it is. */
export function subscriptionIn(value: Uint8Array): SubscriptionEntry {
  const text = Buffer.from(value).toString();
  const resource = resourceIn(text);
  return readSubscription(resource === undefined ? text : JSON.stringify(resource));
}

function resourceIn(text: string): unknown {
  try {
    return (JSON.parse(text) as { resource?: unknown } | null)?.resource;
  } catch {
    return undefined; // readSubscription says what is wrong
  }
}

/** The public key, a point in base64url, as these clients read it. */
export function pemOf(publicKey: string): string {
  const point = Buffer.from(publicKey, 'base64url');
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((half) => half.toString('base64url'));
  const key = { kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' };
  return createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString();
}
