import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { again, answering, isSuccess, unanswered } from '../answers.ts';
import type { Poster, PostResult } from '../http-post.ts';
import type { Notice, Service, ServiceOutcome } from '../service.ts';
import { encrypt, type Ephemeral } from './encryption.ts';
import { handlingOf, plaintextOf } from './message.ts';
import { readSubscription, type Subscription } from './subscription.ts';
import { createVapid, type VapidKey } from './vapid.ts';

export interface WebPushOptions {
  key: VapidKey;
  /** Whom the push service can ask about us. */
  subject: string;
  giveUpMs: number;
  nowMs: () => number;
}

/** Web Push: RFC 8030 with the encryption of RFC 8291 and, so that a service knows us, RFC 8292. */
export function createWebPush({ key, subject, giveUpMs, nowMs }: WebPushOptions, poster: Poster): Service {
  const vapid = createVapid(key, subject);
  const headersOf = (subscription: Subscription, notice: Notice): Record<string, string> => ({
    Authorization: vapid(new URL(subscription.endpoint).origin, nowMs()),
    'Content-Encoding': 'aes128gcm',
    'Content-Type': 'application/octet-stream',
    ...handlingOf(notice, subscription, { giveUpMs, nowMs: nowMs() }),
  });
  return {
    name: 'webpush',
    giveUpMs,
    send: async ({ address }, notice, timeoutMs): Promise<ServiceOutcome> => {
      const subscription = readSubscription(address);
      if ('problem' in subscription) return { kind: 'rejected', reason: subscription.problem };
      const body = encrypt(plaintextOf(notice), subscription, newEphemeral());
      const headers = headersOf(subscription, notice);
      return outcomeOf(await poster.post({ url: new URL(subscription.endpoint), headers, body, timeoutMs }));
    },
    close: () => poster.close(),
  };
}

function newEphemeral(): Ephemeral {
  const { d = '' } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  return { salt: randomBytes(16), privateKey: Buffer.from(d, 'base64url') };
}

/** As the services have it, beside RFC 8292, 4.2, and RFC 8030, 8: the subscription is as good as before. */
const OUR_MISTAKE = new Set([400, 401, 403]);

function outcomeOf(result: PostResult): ServiceOutcome {
  if (!('status' in result)) return unanswered(result);
  const { status } = result;
  if (isSuccess(result)) return { kind: 'delivered' };
  if (status === 404 || status === 410) return { kind: 'gone', reason: answering(status) };
  if (OUR_MISTAKE.has(status))
    return {
      kind: 'misconfigured',
      reason: `${answering(status)}: it does not take our key, subject or time`,
    };
  if (status === 408 || status === 429 || status >= 500) return again(result);
  return { kind: 'rejected', reason: answering(status) }; // the same again would be refused again, a redirect too
}
