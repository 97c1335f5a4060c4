import { createHash } from 'node:crypto';
import { mailPayload } from '../apns/payload.ts';
import type { Push } from '../apns/push.ts';
import type { ClaimedPush } from '../outbox/attempt.ts';

/** Which topics the credential is good for; `topic` is the one for targets that were told none. */
export interface TopicCover {
  topic: string;
  topics: readonly string[];
}

/** What a push is made of. */
export type PushContent = Pick<
  ClaimedPush,
  'apnsId' | 'generation' | 'deviceToken' | 'accountId' | 'topic' | 'mailboxes'
>;

/** The push that a row asks for; `mainTopic` is the one for a phone that was told none. Pure. */
export function pushOf(row: PushContent, mainTopic: string, expirationS: number): Push {
  const { deviceToken, accountId } = row;
  const topic = row.topic === '' ? mainTopic : row.topic;
  const payload = mailPayload(accountId, hashesOf(row));
  const apnsId = apnsIdOf(row, { deviceToken, topic, payload });
  return { apnsId, deviceToken, topic, payload, expirationS };
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
