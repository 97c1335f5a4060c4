import { mailPayload } from '../apns/payload.ts';
import type { Push } from '../apns/push.ts';
import { apnsIdOf } from './apns-id.ts';
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

/** Without `m` Mail checks INBOX; with it, only the folders named. So INBOX alone is told without. */
function hashesOf({ mailboxes }: PushContent): string[] {
  if (mailboxes.every(({ inbox }) => inbox)) return [];
  return mailboxes.flatMap(({ hash }) => (hash === undefined ? [] : [hash]));
}
