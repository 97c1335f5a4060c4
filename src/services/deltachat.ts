import type { DeltaChatConfig } from '../config/config.ts';
import { again, answering, isSuccess, unanswered } from './answers.ts';
import type { Poster } from './http-post.ts';
import type { Service, ServiceOutcome } from './service.ts';

/** Delta Chat's notification service: it is sent a token, which it alone can read, and nothing else. */
export function createDeltaChat(
  { notify, giveUpMs }: Pick<DeltaChatConfig, 'notify' | 'giveUpMs'>,
  poster: Poster,
): Service {
  const url = new URL(notify);
  return {
    name: 'deltachat',
    giveUpMs,
    send: async ({ address }, _notice, timeoutMs): Promise<ServiceOutcome> => {
      const result = await poster.post({ url, headers: {}, body: address, timeoutMs });
      if (!('status' in result)) return unanswered(result);
      if (isSuccess(result)) return { kind: 'delivered' };
      return result.status === 410 ? { kind: 'gone', reason: answering(410) } : again(result);
    },
    close: () => poster.close(),
  };
}
