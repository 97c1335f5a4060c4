import type { Clock } from '../clock.ts';
import { type Lock, type Store, takeLock } from '../db.ts';
import { type ControlWord, openControlDoor, poke } from '../doors/control.ts';
import { ring } from '../doors/ring.ts';
import type { Log } from '../log.ts';
import { type Bell, createBell } from './bell.ts';
import type { Courier } from './courier.ts';
import { releaseDeadLeases } from './lease.ts';
import { nextDueMs } from './outbox.ts';
import { delivererStarted } from './upkeep.ts';

export interface DelivererOptions {
  store: Store;
  courier: Courier;
  /** Brings what lies in the spool into the outbox. */
  takeSpool: () => Promise<void>;
  lockFile: string;
  controlSocket: string;
  /** How long it waits for more after the latest poke or push. */
  lingerMs: number;
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
 * is running, it is poked and this one ends at once.
 */
export async function runDeliverer(options: DelivererOptions): Promise<void> {
  const lock = await takeTurn(options);
  if (lock === undefined) return;
  try {
    await releaseDeadLeases(options.store);
    do await deliverUntilIdle(options);
    while (await cameInMeanwhile(options));
  } finally {
    lock.release();
  }
}

/** The lock, or undefined when the holder has answered and so will do the work. */
async function takeTurn(options: DelivererOptions): Promise<Lock | undefined> {
  const { store, lockFile, controlSocket, clock, signal, log } = options;
  const untilMs = clock.steadyMs() + TURN_TIMEOUT_MS;
  while (!signal.aborted) {
    const lock = takeLock(lockFile);
    if (lock !== undefined) return lock;
    // The socket may be one that systemd holds, on which nobody listens: the doorbell is the holder's of the lock.
    if (ring(controlSocket) === 'rung' || (await poke(controlSocket))) {
      await delivererStarted(store); // else nobody could start one, should the holder end soon
      return undefined;
    }
    if (clock.steadyMs() >= untilMs) break;
    await clock.sleep(TURN_INTERVAL_MS, signal);
  }
  log.warn('another deliverer holds the lock but does not answer', { lockFile });
  return undefined;
}

async function deliverUntilIdle(options: DelivererOptions): Promise<void> {
  const { store, courier, clock, signal, controlSocket } = options;
  const bell = createBell(signal);
  const onPoke = (word: ControlWord): void => {
    bell.ring();
    courier.nudge(word);
  };
  const door = await openControlDoor(controlSocket, onPoke, options.log);
  try {
    await delivererStarted(store);
    let idleAtMs = 0;
    do {
      bell.reset();
      await options.takeSpool();
      await courier.drain(Infinity, signal);
      idleAtMs = clock.steadyMs() + options.lingerMs;
      await waitForWork(options, bell, idleAtMs);
    } while (!signal.aborted && clock.steadyMs() < idleAtMs);
  } finally {
    await door.close();
  }
}

/** Until somebody pokes, a row is due, or there has been nothing to do for too long. */
async function waitForWork(options: DelivererOptions, bell: Bell, idleAtMs: number): Promise<void> {
  const { store, courier, clock } = options;
  const nextMs = await nextDueMs(store);
  const dueInMs = nextMs === undefined ? Infinity : Math.max(nextMs - clock.nowMs(), courier.restMs);
  // A row that becomes due within the wait ends it early, and its attempt starts a new one.
  const ms = Math.min(dueInMs, idleAtMs - clock.steadyMs());
  if (ms > 0) await clock.sleep(ms, bell.signal);
}

/** Whoever committed before the door was shut relies on us; whoever came later starts a deliverer. */
async function cameInMeanwhile({ store, courier, clock, signal }: DelivererOptions): Promise<boolean> {
  if (signal.aborted) return false;
  const nextMs = await nextDueMs(store);
  return nextMs !== undefined && nextMs <= clock.nowMs() && courier.restMs === 0;
}
