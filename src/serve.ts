import { randomUUID } from 'node:crypto';
import { daysLeft } from './apns/credential-expiry.ts';
import type { Outcome } from './apns/push.ts';
import { aborted, keepAnnouncing, keepControlDoor, keepWarning } from './chores.ts';
import { systemClock } from './clock.ts';
import type { Config } from './config/config.ts';
import { openStore, type Store } from './db.ts';
import { type Delivery, openDelivery } from './delivery.ts';
import type { ControlWord } from './doors/control.ts';
import { type Doors, openDoors } from './doors/doors.ts';
import type { DoorName } from './doors/receive.ts';
import { createReceiver } from './doors/receiver.ts';
import { drainSpool } from './drain-spool.ts';
import { createIntake, type Intake } from './intake.ts';
import type { Log } from './log.ts';
import type { Metrics, MetricsState } from './metrics.ts';
import { createBell } from './outbox/bell.ts';
import type { CourierOptions } from './outbox/courier.ts';
import { keepDelivering } from './outbox/delivering.ts';
import { leaseOwner, releaseDeadLeases } from './outbox/lease.ts';
import type { ClaimedPush } from './outbox/outbox.ts';
import type { Settlement } from './outbox/settlement.ts';
import { summarise } from './outbox/summary.ts';
import { releaseLeases } from './outbox/upkeep.ts';
import { keepHeapSmall } from './small-heap.ts';

const clock = systemClock;

/** A door must answer within milliseconds, and waiting for the database stops everything else here. */
const BUSY_TIMEOUT_MS = 50;

export interface ServeOptions {
  config: Config;
  log: Log;
  metrics: Metrics;
  /** Called when every door is open. */
  onReady: () => void;
  /** Ends it: doors close, what is under way gets its answer or its lease back. */
  ending: AbortSignal;
}

/** How long pushes under way may take once the end has come; systemd waits longer before it kills. */
export const ENDING_TIMEOUT_MS = 9000;

/** Keeps the connection to Apple, takes events through its doors and sends what is owed, until `ending` aborts. */
export async function serve(options: ServeOptions): Promise<void> {
  const { config, log, metrics } = options;
  keepHeapSmall();
  const store = openStore(config.store, { create: true, busyTimeoutMs: BUSY_TIMEOUT_MS, batched: true });
  try {
    await serveStore(store, options);
    await releaseLeases(store, leaseOwner());
    log.info('ended');
  } finally {
    metrics.watch(undefined);
    store.close();
  }
}

async function serveStore(
  store: Store,
  { config, log, metrics, onReady, ending }: ServeOptions,
): Promise<void> {
  const bell = createBell(ending);
  const count: CourierOptions['onSettled'] = (push, outcome, settlement) =>
    countPush(metrics, push, outcome, settlement);
  const delivery = openDelivery({ config, store, clock, log, throttled: true }, count);
  const onWork = (word?: ControlWord): void => {
    bell.ring();
    delivery.courier.nudge(word);
  };
  metrics.watch(() => stateOf(store, delivery));
  await releaseDeadLeases(store);
  const doors = await openAll(config, store, onWork, metrics, log, ending);
  const delivering = keepDelivering({ store, courier: delivery.courier, bell, clock, log, signal: ending });
  const chores = [
    keepAnnouncing(store, log, ending),
    keepWarning(config, store, delivery, log, ending),
    keepControlDoor(config, store, onWork, log, ending),
  ];
  log.info('serving', { doors: doors.names });
  onReady();
  await aborted(ending);
  await doors.close();
  await within(ENDING_TIMEOUT_MS, delivering);
  await delivery.close();
  await Promise.all(chores);
}

/** Resolves with the promise, or after that time; leaves no timer that would keep the process alive. */
async function within(timeoutMs: number, promise: Promise<void>): Promise<void> {
  const settled = new AbortController();
  try {
    await Promise.race([promise, clock.sleep(timeoutMs, settled.signal)]);
  } finally {
    settled.abort();
  }
}

function openAll(
  config: Config,
  store: Store,
  onWork: () => void,
  metrics: Metrics,
  log: Log,
  ending: AbortSignal,
): Promise<Doors> {
  const intake = createIntake({ config, clock, log, store: () => store, newApnsId: randomUUID });
  const counted =
    (door: DoorName): Intake =>
    async (item, given) => {
      const taken = await intake(item, given);
      for (const name of taken.names) metrics.eventReceived(door, name);
      return taken;
    };
  const receive = createReceiver({ intake: counted, spool: config.spool, clock, log, onWork });
  const takeSpool = async (): Promise<void> => {
    const { taken } = await drainSpool(config.spool, counted('spool'), clock, log);
    if (taken > 0) onWork();
  };
  const ready = (): { ready: boolean; reason?: string } =>
    ending.aborted ? { ready: false, reason: 'ending' } : { ready: true };
  return openDoors({ config, receive, takeSpool, ready, metrics: () => metrics.text(), clock, log });
}

function countPush(
  metrics: Metrics,
  push: ClaimedPush,
  outcome: Outcome,
  { gaveUp, reason }: Settlement,
): void {
  metrics.pushSettled(gaveUp ? 'gave_up' : outcome.kind, reason);
  if (outcome.kind === 'delivered') metrics.observeLatency(push.eventMs, clock.nowMs());
}

async function stateOf(store: Store, delivery: Delivery): Promise<MetricsState> {
  const { targets, waiting, oldestMs } = await summarise(store);
  const nowMs = clock.nowMs();
  return {
    targets,
    waitingRows: waiting,
    oldestMs: oldestMs === undefined ? 0 : Math.max(0, nowMs - oldestMs),
    connections: delivery.connections(),
    certificateDaysLeft: delivery
      .credentials()
      .flatMap(({ topic, notAfterMs }) =>
        notAfterMs === undefined ? [] : [{ topic, days: daysLeft(notAfterMs, nowMs) }],
      ),
  };
}
