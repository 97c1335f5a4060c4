import { differenceOf } from '../config/edition.ts';
import { type Bell, createBell } from '../process/bell.ts';
import type { Log } from '../process/log.ts';
import { type Lock, takeLock } from '../store/lock.ts';
import type { Store } from '../store/store.ts';
import { type Listener, openControlDoor } from './control.ts';
import type { Courier } from './courier.ts';
import { releaseDeadLeases } from './lease.ts';
import { deliver, type DeliveringOptions, type Ending, untilIdle } from './loop.ts';
import { poke } from './poke.ts';
import { ring } from './ring.ts';

/** How a deliverer is found and when it ends, beside what delivers. */
export interface DelivererOptions extends Omit<DeliveringOptions, 'bell'> {
  store: Store;
  courier: Courier;
  lockFile: string;
  controlSocket: string;
  /** How long it waits for more after the latest poke or push. */
  lingerMs: number;
  /** Of the configuration and the program that it works with. */
  edition: string;
  /** What of them has changed since; undefined where nothing has. */
  changed: () => Promise<string | undefined>;
  log: Log;
  signal: AbortSignal;
}

/** How long a deliverer waits for one that is about to end, and how often it looks. */
const TURN_TIMEOUT_MS = 15_000;
const TURN_INTERVAL_MS = 50;

/**
 * Drains the outbox, lingers for what comes next, and ends. Only one runs for a store: where another
 * is running, it is poked and this one ends at once. It makes way for `serve`, for whoever works with another edition, and
 * where its own has changed. Gives whether the caller is to start a successor: something is due soon, and nobody else comes for it.
 */
export async function runDeliverer(options: DelivererOptions): Promise<boolean> {
  const lock = await takeTurn(options);
  if (lock === undefined) return false;
  const ending = new AbortController();
  const end = (): void => ending.abort();
  options.signal.addEventListener('abort', end);
  if (options.signal.aborted) end();
  try {
    await releaseDeadLeases(options.store);
    await options.store.takeUp(options.edition, options.clock.nowMs());
    let { lingerMs } = options;
    do {
      await deliverUntilIdle({ ...options, lingerMs }, ending);
      // For what is due after a rest it neither asks again and again nor opens its door anew.
      lingerMs = Math.max(options.lingerMs, options.courier.restMs);
    } while (await cameInMeanwhile(options, ending.signal));
    return await needsSuccessor(options, ending.signal);
  } finally {
    options.signal.removeEventListener('abort', end);
    lock.release();
  }
}

/** The lock, or undefined when the holder has answered and so will do the work. */
async function takeTurn(options: DelivererOptions): Promise<Lock | undefined> {
  const { store, lockFile, controlSocket, edition, clock, signal, log } = options;
  const untilMs = clock.steadyMs() + TURN_TIMEOUT_MS;
  while (!signal.aborted) {
    const lock = takeLock(lockFile);
    if (lock !== undefined) return lock;
    // The socket may be one that systemd holds, on which nobody listens: the doorbell is the holder's of the lock.
    if (ring(controlSocket, edition) === 'rung' || (await poke(controlSocket, 'poke', edition))) {
      await store.delivererStarted(); // else nobody could start one, should the holder end soon
      return undefined;
    }
    if (clock.steadyMs() >= untilMs) break;
    await clock.sleep(TURN_INTERVAL_MS, signal);
  }
  log.warn('another deliverer holds the lock but does not answer', { lockFile });
  return undefined;
}

async function deliverUntilIdle(options: DelivererOptions, ending: AbortController): Promise<void> {
  const { signal } = ending;
  const bell = createBell(signal);
  const door = await openControlDoor(options.controlSocket, listenerOf(options, bell, ending), options.log);
  // Whoever rings now would rely on us.
  signal.addEventListener('abort', () => void door.stopRings(), { once: true });
  try {
    await options.store.delivererStarted();
    await deliver({ ...options, bell, signal }, untilIdleOrChanged(options, ending));
  } finally {
    await door.close();
  }
}

/** Once it ends it sends everybody on. */
function listenerOf(
  { courier, edition, log }: DelivererOptions,
  bell: Bell,
  ending: AbortController,
): Listener {
  return {
    edition,
    onWord: (word, from = edition) => {
      if (ending.signal.aborted) return false;
      if (from !== edition) {
        log.info('the deliverer makes way for one that works with something else', {
          other: differenceOf(edition, from),
        });
        ending.abort();
        return false;
      }
      bell.ring();
      courier.nudge(word);
      return true;
    },
    onMakeWay: () => {
      if (!ending.signal.aborted) log.info('the deliverer makes way for serve');
      ending.abort();
    },
  };
}

/** Looked at before it goes on, never before its first work: so a successor does something in any case. */
function untilIdleOrChanged(options: DelivererOptions, ending: AbortController): Ending {
  const idle = untilIdle(options.clock, options.lingerMs);
  const isOver = async (): Promise<boolean> => {
    await makeWayWhereChanged(options, ending);
    return idle.isOver();
  };
  return { ...idle, isOver };
}

async function makeWayWhereChanged(
  { changed, log }: DelivererOptions,
  ending: AbortController,
): Promise<void> {
  const what = ending.signal.aborted ? undefined : await changed();
  if (what === undefined) return;
  log.info('the deliverer ends, since what it works with has changed', { changed: what });
  ending.abort();
}

/** The longest rest after which it still sends what is due, rather than end: perhaps nobody else comes for it. */
const LONGEST_REST_MS = 60_000;

/** A handler that committed before the door was shut relies on us; a later one starts a deliverer. */
async function cameInMeanwhile(
  { store, courier, clock }: DelivererOptions,
  signal: AbortSignal,
): Promise<boolean> {
  if (signal.aborted) return false;
  const nextMs = await store.nextDueMs();
  return nextMs !== undefined && nextMs <= clock.nowMs() && courier.restMs <= LONGEST_REST_MS;
}

/** Not where a stranger made it end, who comes itself, nor where a signal did. */
async function needsSuccessor(options: DelivererOptions, ending: AbortSignal): Promise<boolean> {
  const { store, clock, lingerMs, signal, changed } = options;
  if (!ending.aborted || signal.aborted || (await changed()) === undefined) return false;
  const nextMs = await store.nextDueMs();
  return nextMs !== undefined && nextMs <= clock.nowMs() + lingerMs;
}
