import { createHash } from 'node:crypto';
import { collectionPayload, mailPayload } from '../apns/payload.ts';
import type { Push } from '../apns/push.ts';
import { isOfCollection } from '../mailboxes/collection.ts';
import type { ClaimedPush } from '../outbox/attempt.ts';

/** Which topics the credential is good for; `topic` is the one for targets that were told none. */
export interface TopicCover {
  topic: string;
  topics: readonly string[];
}

/** What a push is made of. */
export type PushContent = Pick<
  ClaimedPush,
  'apnsId' | 'generation' | 'deviceToken' | 'accountId' | 'topic' | 'eventMs' | 'mailboxes'
>;

/** When a push is sent, and for how long Apple keeps one of Mail for a device that is off. */
export interface PushTimes {
  nowMs: number;
  expiryMs: number;
}

/** A device that was off over a weekend hears of its calendars; what it was told of before has run out after a day. */
const COLLECTION_EXPIRY_MS = 72 * 60 * 60_000;

/** The push that a row asks for; `mainTopic` is the one for a phone that was told none. Pure. */
export function pushOf(row: PushContent, mainTopic: string, { nowMs, expiryMs }: PushTimes): Push {
  if (isOfCollection(row)) return collectionPush(row, nowMs);
  const { deviceToken, accountId } = row;
  const topic = row.topic === '' ? mainTopic : row.topic;
  const payload = mailPayload(accountId, hashesOf(row));
  const apnsId = apnsIdOf(row, { deviceToken, topic, payload });
  return { apnsId, deviceToken, topic, payload, expirationS: expirationOf(nowMs, expiryMs) };
}

/** The apns-id is that of the change, whenever it is sent: an attempt that is repeated has the same. */
function collectionPush(row: PushContent, nowMs: number): Push {
  const { deviceToken, topic, accountId: key, eventMs } = row;
  const common = { deviceToken, topic };
  return {
    ...common,
    apnsId: apnsIdOf(row, { ...common, payload: collectionPayload(key, eventMs) }),
    payload: collectionPayload(key, eventMs, nowMs),
    expirationS: expirationOf(nowMs, COLLECTION_EXPIRY_MS),
  };
}

function expirationOf(nowMs: number, expiryMs: number): number {
  return Math.floor((nowMs + expiryMs) / 1000);
}

/** Without `m` Mail checks INBOX; with it, only the mailboxes named. So INBOX alone is told without it. */
function hashesOf({ mailboxes }: PushContent): string[] {
  if (mailboxes.every(({ inbox }) => inbox)) return [];
  return mailboxes.flatMap(({ hash }) => (hash === undefined ? [] : [hash]));
}

/**
 * The apns-id of an attempt: a UUID of version 8 (RFC 9562, 5.8) made of all that the device is told, the row's own
 * random UUID and its generation. So an id names one content, whatever a crash or a power cut leaves unsaid, the same
 * attempt repeated has the same id, and what a later event asks for has another.
 */
export function apnsIdOf(
  { apnsId, generation }: Pick<ClaimedPush, 'apnsId' | 'generation'>,
  { deviceToken, topic, payload }: Pick<Push, 'deviceToken' | 'topic' | 'payload'>,
): string {
  const content = `${apnsId}\n${generation}\n${deviceToken}\n${topic}\n${payload}`; // JSON has no newline within
  const hex = createHash('sha256').update(content).digest('hex');
  // Version 8, and the variant: two bits, of which `a` and two more make a digit.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
