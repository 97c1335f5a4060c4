import { createHmac } from 'node:crypto';
import type { Notice } from '../service.ts';
import { MAX_PLAINTEXT_BYTES } from './encryption.ts';
import type { Subscription } from './subscription.ts';

/** In base64url (RFC 8030, 5.4). */
const TOPIC_LENGTH = 32;

/** No service keeps a message longer: four weeks. */
const TTL_MAX_S = 2_419_200;

/** What the app is told: that something happened, where and when; of a name that is too long, not where. Pure. */
export function plaintextOf({ id, event, mailbox, eventMs }: Notice): Buffer {
  const told = { version: 1, id, event, at: new Date(eventMs).toISOString() };
  const whole = Buffer.from(JSON.stringify(event === 'validation' ? told : { ...told, mailbox }));
  return whole.length <= MAX_PLAINTEXT_BYTES ? whole : Buffer.from(JSON.stringify(told));
}

/** How the service is to handle it (RFC 8030, 5). The time is an argument. Pure. */
export function handlingOf(
  notice: Notice,
  { auth }: Pick<Subscription, 'auth'>,
  { giveUpMs, nowMs }: { giveUpMs: number; nowMs: number },
): Record<'TTL' | 'Urgency' | 'Topic', string> {
  const leftS = Math.floor((notice.eventMs + giveUpMs - nowMs) / 1000);
  return {
    TTL: String(Math.min(Math.max(leftS, 0), Math.floor(giveUpMs / 1000), TTL_MAX_S)),
    Urgency: URGENT.has(notice.event) ? 'normal' : 'low',
    Topic: topicOf(notice, auth),
  };
}

/** A message counts as normal, and what is tidied up as low: such waits while a device saves its battery (RFC 8030, 5.3). */
const URGENT = new Set<Notice['event']>(['MessageNew', 'validation', 'test']);

/** A newer notice of a mailbox replaces one that waits. The service does not have the secret, and so not the name. */
function topicOf({ event, mailbox }: Notice, auth: Buffer): string {
  const what = event === 'validation' || event === 'test' ? event : `mail\0${mailbox}`;
  return createHmac('sha256', auth).update(what).digest('base64url').slice(0, TOPIC_LENGTH);
}
