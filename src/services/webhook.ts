import { createHash, createHmac } from 'node:crypto';
import type { NewEndpoint } from './endpoint.ts';
import { again, answering, isSuccess, unanswered } from './answers.ts';
import type { Poster } from './http-post.ts';
import type { Addressee, Notice, Service, ServiceOutcome } from './service.ts';

export interface WebhookOptions {
  /** Those of the configuration, as it has them. */
  urls: readonly string[];
  /** What is posted is signed with it. */
  secret: string;
  giveUpMs: number;
  nowMs: () => number;
}

/** Changes with the fields of the body. */
const VERSION = 1;

/** Says when and by whom the body was made: `t=SECONDS,v1=HEX`. */
export const SIGNATURE_HEADER = 'X-Xapplepush-Signature';

/** Posts JSON to the addresses of the administrator, signed. */
export function createWebhook({ urls, secret, giveUpMs, nowMs }: WebhookOptions, poster: Poster): Service {
  return {
    name: 'webhook',
    giveUpMs,
    send: async (endpoint, notice, timeoutMs): Promise<ServiceOutcome> => {
      const { address } = endpoint;
      if (!urls.includes(address)) return { kind: 'gone', reason: 'webhook.urls no longer names it' };
      const body = bodyOf(endpoint, notice);
      const headers = {
        'Content-Type': 'application/json',
        [SIGNATURE_HEADER]: signatureOf(body, secret, nowMs()),
      };
      const result = await poster.post({ url: new URL(address), headers, body, timeoutMs });
      if (!('status' in result)) return unanswered(result);
      if (isSuccess(result)) return { kind: 'delivered' };
      // The administrator named the address: no answer of it takes it away.
      return result.status === 410 ? { kind: 'rejected', reason: answering(410) } : again(result);
    },
    close: () => poster.close(),
  };
}

/** The endpoint of a user at one of the addresses; it does not run out. */
export function webhookEndpoint(url: string, user: string): NewEndpoint {
  const fingerprint = createHash('sha256').update(url).digest('hex');
  return { user, service: 'webhook', address: url, fingerprint, expiresMs: null };
}

function bodyOf({ user }: Addressee, { id, event, mailbox, eventMs }: Notice): string {
  return JSON.stringify({ version: VERSION, id, event, user, mailbox, at: new Date(eventMs).toISOString() });
}

/** The time is signed too, so that who overhears a notice cannot send it again later. */
function signatureOf(body: string, secret: string, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000);
  const mac = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return `t=${seconds},v1=${mac}`;
}
