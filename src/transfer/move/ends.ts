import type { Clock } from '../../process/clock.ts';
import { isDeadOwner } from '../../delivery/lease.ts';
import { ExitCode, OperatorError } from '../../process/errors.ts';
import { LEASE_MS } from '../../outbox/timing.ts';
import { clockOf } from '../../store/clock.ts';
import { openConfigured, type StoreConfig } from '../../store/configured.ts';
import { type Lock, takeLock } from '../../store/lock.ts';
import type { Left } from '../../store/move.ts';
import type { Store } from '../../store/store.ts';

/** The store that is left, while nobody delivers from it, and the one that it is left for, which is made. */
export async function withBoth<T>(
  from: StoreConfig,
  to: StoreConfig,
  clock: Clock,
  body: (source: Store, target: Store) => Promise<T>,
): Promise<T> {
  const lock = await takeDelivery(from, clock);
  try {
    return await withOpen(from, { create: false, left: 'this schema' }, async (source) => {
      await refuseServed(source, clock);
      return await withOpen(to, { create: true }, async (target) => {
        await target.schemaVersion(); // it is there, before anything is left for it
        return body(source, target);
      });
    });
  } finally {
    lock.release();
  }
}

/**
 * The store that is left alone, of whatever schema: the body may ask for the departure, and stay. A `serve` that has it
 * open goes on then.
 */
export async function withLeft<T>(
  from: StoreConfig,
  clock: Clock,
  body: (source: Store) => Promise<T>,
): Promise<T> {
  const lock = await takeDelivery(from, clock);
  try {
    return await withOpen(from, { create: false, left: 'any schema' }, body);
  } finally {
    lock.release();
  }
}

async function withOpen<T>(
  config: StoreConfig,
  options: { create: boolean; left?: Left },
  body: (store: Store) => Promise<T>,
): Promise<T> {
  const store = await openConfigured(config, options);
  try {
    return await body(store);
  } finally {
    store.close();
  }
}

/** A deliverer that an event has started ends when it has nothing to do for a moment. */
const PATIENCE_MS = 15_000;
const INTERVAL_MS = 50;

/** How often is looked whether a push is still being sent; with many that wait a look takes a while. */
const LOOK_INTERVAL_MS = 500;

/** Whoever delivers in the background on this host holds this lock; `flush` and who waits for an answer do not. */
async function takeDelivery({ store }: StoreConfig, clock: Clock): Promise<Lock> {
  const untilMs = clock.steadyMs() + PATIENCE_MS;
  for (;;) {
    const lock = takeLock(`${store}.deliverer`);
    if (lock !== undefined) return lock;
    if (clock.steadyMs() >= untilMs)
      throw busy('xapplepush serve, or a deliverer, works with it on this host');
    await clock.sleep(INTERVAL_MS);
  }
}

/**
 * Resolves when nobody is at a push of it: what is sent while it is left cannot be noted any more. Whoever has leased
 * one and died is not waited for. Throws OperatorError (exit 75) where that takes longer than a lease.
 */
export async function untilNobodySends(source: Store, hostClock: Clock): Promise<void> {
  const clock = clockOf(source, hostClock);
  const untilMs = clock.steadyMs() + LEASE_MS;
  for (;;) {
    const owners = (await source.leaseOwners()).filter((owner) => !isDeadOwner(owner));
    if (owners.length === 0 || (await source.countWaiting({}, clock.nowMs())).sending === 0) return;
    if (clock.steadyMs() >= untilMs) throw busy(`pushes are being sent from it by ${owners.join(', ')}`);
    await clock.sleep(LOOK_INTERVAL_MS);
  }
}

/** Of the hosts that share it; one that was killed elsewhere counts as there for a minute. */
async function refuseServed(source: Store, clock: Clock): Promise<void> {
  const nowMs = clock.nowMs();
  const { serves: said } = await source.summariseTargets(nowMs, nowMs);
  const serves = said.filter(({ owner }) => !isDeadOwner(owner));
  if (serves.length > 0) throw busy(`xapplepush serve works with it: ${serves.map(nameOf).join(', ')}`);
}

function nameOf({ owner }: { owner: string }): string {
  return owner;
}

function busy(why: string): OperatorError {
  return new OperatorError(`the store cannot be left: ${why}`, {
    exitCode: ExitCode.tryAgain,
    hint: "stop it wherever it runs (systemctl stop 'xapplepush*.socket' xapplepush; one that was killed is forgotten after a minute), and run this again",
  });
}
