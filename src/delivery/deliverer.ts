import type { Clock } from '../process/clock.ts';
import { differenceOf } from '../config/edition.ts';
import { type Lock, takeLock } from '../store/lock.ts';
import type { Store } from '../store/store.ts';
import { type Listener, openControlDoor, poke } from './control.ts';
import { ring } from './ring.ts';
import type { Log } from '../process/log.ts';
import { type Bell, createBell } from './bell.ts';
import type { Courier } from './courier.ts';
import { releaseDeadLeases } from './lease.ts';

export interface DelivererOptions {
  store: Store;
  courier: Courier;
  /** Brings what lies in the spool into the outbox. */
  takeSpool: () => Promise<void>;
  lockFile: string;
  controlSocket: string;
  /** How long it waits for more after the latest poke or push. */
  lingerMs: number;
  /** Of the configuration and the program that it works with. */
  edition: string;
  /** What of them has changed since; undefined where nothing has. */
  changed: () => string | undefined;
  clock: Clock;
  log: Log;
  /** Ends it: what is under way gets its answer, the rest stays in the outbox. */
  signal: AbortSignal;
}

/** How long a deliverer waits for one that is about to end, and how often it looks. */
const TURN_TIMEOUT_MS = 15_000;
const TURN_INTERVAL_MS = 50;

/**
 * Drains the outbox, lingers for what comes next, and ends. Only one runs for a store: where another
 * is running, it is poked and this one ends at once. It makes way for whoever works with another edition, and where its
 * own has changed. Gives whether the caller is to start a successor: something is due soon, and nobody else comes for it.
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
    do await deliverUntilIdle(options, ending);
    while (await cameInMeanwhile(options, ending.signal));
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
  const { store, courier, clock, controlSocket } = options;
  const { signal } = ending;
  const bell = createBell(signal);
  const door = await openControlDoor(controlSocket, listenerOf(options, bell, ending), options.log);
  // Whoever rings now would rely on us.
  signal.addEventListener('abort', () => void door.stopRings(), { once: true });
  try {
    await store.delivererStarted();
    let idleAtMs = 0;
    do {
      bell.reset();
      await options.takeSpool();
      await courier.drain(Infinity, signal);
      idleAtMs = clock.steadyMs() + options.lingerMs;
      await waitForWork(options, bell, idleAtMs);
      makeWayWhereChanged(options, ending);
    } while (!signal.aborted && clock.steadyMs() < idleAtMs);
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
  };
}

/** Looked at before it goes on, never before its first work: so a successor does something in any case. */
function makeWayWhereChanged({ changed, log }: DelivererOptions, ending: AbortController): void {
  const what = ending.signal.aborted ? undefined : changed();
  if (what === undefined) return;
  log.info('the deliverer ends, since what it works with has changed', { changed: what });
  ending.abort();
}

/** Until somebody pokes, a row is due, or there has been nothing to do for too long. */
async function waitForWork(options: DelivererOptions, bell: Bell, idleAtMs: number): Promise<void> {
  const { store, courier, clock } = options;
  const nextMs = await store.nextDueMs();
  const dueInMs = nextMs === undefined ? Infinity : Math.max(nextMs - clock.nowMs(), courier.restMs);
  // A row that becomes due within the wait ends it early, and its attempt starts a new one.
  const ms = Math.min(dueInMs, idleAtMs - clock.steadyMs());
  if (ms > 0) await clock.sleep(ms, bell.signal);
}

/** Whoever committed before the door was shut relies on us; whoever came later starts a deliverer. */
async function cameInMeanwhile(
  { store, courier, clock }: DelivererOptions,
  signal: AbortSignal,
): Promise<boolean> {
  if (signal.aborted) return false;
  const nextMs = await store.nextDueMs();
  return nextMs !== undefined && nextMs <= clock.nowMs() && courier.restMs === 0;
}

/** Not where a stranger made it end, who comes itself, nor where a signal did. */
async function needsSuccessor(options: DelivererOptions, ending: AbortSignal): Promise<boolean> {
  const { store, clock, lingerMs, signal, changed } = options;
  if (!ending.aborted || signal.aborted || changed() === undefined) return false;
  const nextMs = await store.nextDueMs();
  return nextMs !== undefined && nextMs <= clock.nowMs() + lingerMs;
}
