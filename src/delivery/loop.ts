import type { Bell } from '../process/bell.ts';
import type { Clock } from '../process/clock.ts';
import { messageOf } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import type { Reminder } from '../process/reminder.ts';
import type { Store } from '../store/store.ts';
import type { Courier } from './courier.ts';

/** What delivers, and what may call it. */
export interface DeliveringOptions {
  store: Pick<Store, 'nextDueMs'>;
  courier: Pick<Courier, 'drain' | 'restMs'>;
  clock: Clock;
  /** Brings what lies in the spool into the outbox; done before each drain. */
  takeSpool?: () => Promise<void>;
  /** Rung when rows may have become due, and by `signal`. */
  bell?: Bell;
  /** Ends it: what is under way gets its answer, the rest stays in the outbox. */
  signal?: AbortSignal;
}

/** When delivering ends, unless the signal comes first. */
export interface Ending {
  /** What is sent gets its answer by then, by the steady clock. */
  readonly deadlineMs: number;
  /** Asked after each drain: how long it may wait for more. */
  patienceMs(): number | Promise<number>;
  /** Asked after each wait, whatever has ended that. */
  isOver(): boolean | Promise<boolean>;
  /** Called after each drain that went well. */
  onWell?(): void;
  /** Tells of trouble and gives how long to wait after it. Absent where trouble is the end. */
  outlast?(error: unknown): number;
}

/** Sends what is due, waits for more, and sends that, until the ending says that it is over. */
export async function deliver(options: DeliveringOptions, ending: Ending): Promise<void> {
  const { clock, bell, signal } = options;
  while (signal?.aborted !== true) {
    bell?.reset();
    const waitMs = await sendDue(options, ending);
    if (waitMs > 0) await clock.sleep(waitMs, bell?.signal);
    const isOver = await ending.isOver();
    if (isOver && bell?.signal.aborted !== true) return; // who has rung meanwhile relies on another drain
  }
}

/** A deliverer's: when nothing has come for so long. */
export function untilIdle(clock: Clock, lingerMs: number): Ending {
  let idleAtMs = Infinity;
  return {
    deadlineMs: Infinity,
    patienceMs: () => {
      idleAtMs = clock.steadyMs() + lingerMs;
      return lingerMs;
    },
    isOver: () => clock.steadyMs() >= idleAtMs,
  };
}

/** How often it looks whether another process has sent what is waited for. */
const LOOK_INTERVAL_MS = 100;

/** That of somebody who waits: after so long, or when what is waited for has been sent. */
export function untilDeadline(clock: Clock, timeoutMs: number, isDone: () => Promise<boolean>): Ending {
  const deadlineMs = clock.steadyMs() + timeoutMs;
  let isOver = false;
  return {
    deadlineMs,
    patienceMs: async () => {
      isOver = await isDone();
      return isOver ? 0 : Math.min(LOOK_INTERVAL_MS, deadlineMs - clock.steadyMs());
    },
    isOver: () => isOver || clock.steadyMs() >= deadlineMs,
  };
}

/** Looks at the outbox at least so often: other processes share the store, and clocks are set. */
const LONGEST_WAIT_MS = 30_000;

/** The pause after a failure of the database, so that a full disk does not become a busy loop. */
const TROUBLE_WAIT_MS = 1000;

/** That of `serve`: by the signal alone, whatever happens; `reminder` says how often the same trouble is told. */
export function untilSignal(log: Log, reminder?: Reminder): Ending {
  return {
    deadlineMs: Infinity,
    patienceMs: () => LONGEST_WAIT_MS,
    isOver: () => false,
    onWell: () => reminder?.clear(),
    outlast: (error) => {
      const reason = messageOf(error);
      if (reminder?.isDue(reason) !== false)
        log.error('delivery is interrupted, every push is kept', { reason });
      return TROUBLE_WAIT_MS;
    },
  };
}

/** Gives how long there is nothing to send then. */
async function sendDue(options: DeliveringOptions, ending: Ending): Promise<number> {
  const { courier, takeSpool, signal } = options;
  try {
    await takeSpool?.();
    await courier.drain(ending.deadlineMs, signal);
    const patienceMs = await ending.patienceMs();
    const waitMs = patienceMs > 0 ? Math.min(await untilDueMs(options), patienceMs) : 0;
    ending.onWell?.();
    return waitMs;
  } catch (error) {
    if (ending.outlast === undefined) throw error;
    return ending.outlast(error);
  }
}

/** Until a row is due, and may be sent. */
async function untilDueMs({ store, courier, clock }: DeliveringOptions): Promise<number> {
  const nextMs = await store.nextDueMs();
  return nextMs === undefined ? Infinity : Math.max(nextMs - clock.nowMs(), courier.restMs);
}
