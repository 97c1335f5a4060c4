import { randomUUID } from 'node:crypto';
import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import type { Store } from '../store/store.ts';
import type { DoorName, Receive } from '../doors/receive.ts';
import { createReceiver } from '../doors/receiver.ts';
import { drainSpool } from '../intake/drain-spool.ts';
import { createIntake, type Intake } from '../intake/intake.ts';
import type { Log } from '../process/log.ts';
import type { Metrics } from './metrics.ts';

export interface WayInOptions {
  config: Config;
  /** Throws StoreError where it cannot be used now. */
  store: () => Store;
  metrics: Metrics;
  clock: Clock;
  log: Log;
  /** Called when a push waits anew. */
  onWork: () => void;
  /** Called when a notice to another push service does. */
  onNotice?: () => void;
}

/** From the doors into one store, or into the spool where it cannot be used. */
export interface WayIn {
  receive: Receive;
  /** Takes every file that waits in the spool. Throws OperatorError where one cannot be taken. */
  takeSpool(): Promise<void>;
  /** Does something else with the store, by its clock. Rejects with StoreError where it cannot be used. */
  use: <T>(work: (store: Store, nowMs: number) => Promise<T>) => Promise<T>;
  /** Resolves when nothing of what came in so far is under way to the store any more. */
  settled(): Promise<unknown>;
}

/** More would hold the other doors up; a transaction of so many takes some ten milliseconds. */
const FILES_AT_ONCE = 200;

/** Counts what it takes. */
export function openWayIn({ config, store, metrics, clock, log, onWork, onNotice }: WayInOptions): WayIn {
  const intake = createIntake({ config, clock, log, store, newApnsId: randomUUID });
  const counted =
    (door: DoorName): Intake =>
    async (item, given) => {
      const taken = await intake(item, given);
      for (const name of taken.names) metrics.eventReceived(door, name);
      if (taken.notices > 0) onNotice?.();
      return taken;
    };
  const ringing =
    (take: Intake): Intake =>
    async (item, given) => {
      const taken = await take(item, given);
      if (taken.targetIds.length > 0) onWork();
      return taken;
    };
  const receive = createReceiver({ intake: counted, spool: config.spool, clock, log, onWork });
  const takeSpool = async (): Promise<void> => {
    const { trouble } = await drainSpool(config.spool, ringing(counted('spool')), clock, {
      log,
      filesAtOnce: FILES_AT_ONCE,
    });
    if (trouble !== undefined) throw trouble;
  };
  const underWay = new Set<Promise<unknown>>();
  const noted = <T>(promise: Promise<T>): Promise<T> => {
    const done = (): void => void underWay.delete(promise);
    underWay.add(promise);
    promise.then(done, done);
    return promise;
  };
  return {
    receive: (raw, door) => noted(receive(raw, door)),
    takeSpool: () => noted(takeSpool()),
    use: (work) => noted((async () => work(store(), clock.nowMs()))()),
    settled: () => Promise.allSettled(underWay),
  };
}
