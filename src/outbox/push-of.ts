import { mailPayload } from '../apns/payload.ts';
import type { Push } from '../apns/push.ts';
import type { ClaimedPush } from './outbox.ts';

/** Which topics the credential is good for; `topic` is the one for targets that were told none. */
export interface TopicCover {
  topic: string;
  topics: readonly string[];
}

/**
 * The push that a row asks for, or undefined where the credential does not cover the topic that the phone was
 * told: Apple would refuse it, and the phone would not listen. Pure.
 */
export function pushOf(row: ClaimedPush, cover: TopicCover, expirationS: number): Push | undefined {
  const topic = row.topic === '' ? cover.topic : row.topic;
  if (!cover.topics.includes(topic)) return undefined;
  const { apnsId, deviceToken, accountId } = row;
  return { apnsId, deviceToken, topic, payload: mailPayload(accountId, hashesOf(row)), expirationS };
}

/** Without `m` Mail checks INBOX; with it, only the folders named. So INBOX alone is told without. */
function hashesOf({ mailboxes }: ClaimedPush): string[] {
  if (mailboxes.every(({ inbox }) => inbox)) return [];
  return mailboxes.flatMap(({ hash }) => (hash === undefined ? [] : [hash]));
}
