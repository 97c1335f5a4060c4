import type { Clock } from '../process/clock.ts';
import type { Store } from '../store/store.ts';
import { messageOf } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import type { Bell } from './bell.ts';
import type { Courier } from './courier.ts';

export interface DeliveringOptions {
  store: Store;
  courier: Courier;
  /** Rung when rows may have become due, and by `signal`. */
  bell: Bell;
  clock: Clock;
  log: Log;
  /** Ends it: what is under way gets its answer, the rest stays in the outbox. */
  signal: AbortSignal;
}

/** Looks at the outbox at least so often: other processes share the store, and clocks are set. */
const LONGEST_WAIT_MS = 30_000;

/** After a failure of the database, so that a full disk does not become a busy loop. */
const TROUBLE_WAIT_MS = 1000;

/** Sends what is due, as long as the process lives: the heart of `serve`. Resolves when the signal aborts. */
export async function keepDelivering(options: DeliveringOptions): Promise<void> {
  const { courier, bell, clock, log, signal } = options;
  while (!signal.aborted) {
    bell.reset();
    let waitMs = TROUBLE_WAIT_MS;
    try {
      await courier.drain(Infinity, signal);
      waitMs = await untilDue(options);
    } catch (error) {
      log.error('delivery is interrupted, every push is kept', { reason: messageOf(error) });
    }
    if (waitMs > 0) await clock.sleep(waitMs, bell.signal);
  }
}

async function untilDue({ store, courier, clock }: DeliveringOptions): Promise<number> {
  const nextMs = await store.nextDueMs();
  const dueInMs = nextMs === undefined ? Infinity : Math.max(nextMs - clock.nowMs(), courier.restMs);
  return Math.min(dueInMs, LONGEST_WAIT_MS);
}
