import type { ApnsConnection } from '../../src/apns/client.ts';
import type { Answer, Push } from '../../src/apns/push.ts';

/** A push that waits for its answer. */
export interface PendingPush {
  push: Push;
  timeoutMs: number;
  answer(answer: Answer): void;
  fail(error: Error): void;
}

/** A connection to Apple whose answers the test gives. */
export interface ScriptedConnection extends ApnsConnection {
  open: boolean;
  capacity: number;
  /** Every push that ever came, in order. */
  readonly received: Push[];
  /** Those without an answer yet. */
  readonly pending: PendingPush[];
  /** How often it was closed. */
  closed: number;
}

export const DELIVERED: Answer = { status: 200 };

/** Without `reply` a push waits until the test answers it. */
export function scriptedConnection(
  reply?: (push: Push, index: number) => Answer | Error | Promise<Answer>,
  capacity = 1000,
): ScriptedConnection {
  const received: Push[] = [];
  const pending: PendingPush[] = [];
  return {
    open: true,
    capacity,
    received,
    pending,
    closed: 0,
    push: async (push, timeoutMs) => {
      received.push(push);
      if (reply === undefined)
        return new Promise((resolve, reject) => {
          const settle = (end: () => void): void => {
            pending.splice(pending.indexOf(entry), 1);
            end();
          };
          const entry: PendingPush = {
            push,
            timeoutMs,
            answer: (answer) => settle(() => resolve(answer)),
            fail: (error) => settle(() => reject(error)),
          };
          pending.push(entry);
        });
      const answer = await reply(push, received.length - 1);
      if (answer instanceof Error) throw answer;
      return answer;
    },
    close() {
      this.closed += 1;
      this.open = false;
      return Promise.resolve();
    },
  };
}
