import {
  aborted,
  keepAnnouncing,
  keepLooking,
  keepWarning,
  prepareDelivery,
  takeBackAnnouncement,
} from './chores.ts';
import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import { troubleText } from './credential-health.ts';
import { stateOf } from './state.ts';
import { openConfigured } from '../store/configured.ts';
import type { Store } from '../store/store.ts';
import { type Delivery, openDelivery } from '../delivery/delivery.ts';
import type { ControlWord } from '../delivery/poke.ts';
import type { Receive } from '../doors/receive.ts';
import { followLog, SILENT } from '../process/follow-log.ts';
import type { Log } from '../process/log.ts';
import { keepHistory, endSharing } from './history-chore.ts';
import type { Metrics, MetricsState } from './metrics.ts';
import { type Bell, createBell } from '../process/bell.ts';
import type { CourierOptions } from '../delivery/courier.ts';
import { deliver, untilSignal } from '../delivery/loop.ts';
import { StoreError } from '../store/errors.ts';
import { createReminder } from '../process/reminder.ts';
import type { ClosedDoor } from '../store/presence.ts';
import type { StoreTrouble } from './store-trouble.ts';
import { placeElsewhere, type StorePlace, watchStorePlace } from './store-place.ts';
import { clockOf } from '../store/clock.ts';
import { openWayIn } from './way-in.ts';

/** A door must answer within milliseconds, and waiting for the database stops everything else here. */
const BUSY_TIMEOUT_MS = 50;

/** How long pushes under way may take once the end has come; systemd waits longer before it kills. */
export const ENDING_TIMEOUT_MS = 9000;

/** What a configuration decides in `serve`; a reload brings another. */
export interface Settings {
  config: Config;
  log: Log;
}

/** What every shift of one `serve` works with. */
export interface ShiftMeans {
  metrics: Metrics;
  trouble: StoreTrouble;
  clock: Clock;
}

/** All that works by one configuration: its store, its way in, and its delivery. The doors outlive it. */
export interface Shift {
  readonly settings: Settings;
  /** Undefined where the database could not be opened yet. */
  readonly store: Store | undefined;
  /** False where it was not opened, or its file was moved or replaced: then events wait in the spool. */
  isInPlace(): boolean;
  /** Where another database has the place of its own, that one can be opened afterwards. Gives what takes that back. */
  makeWay(): () => void;
  readonly receive: Receive;
  /** Takes every file that waits in the spool. */
  takeSpool(): Promise<void>;
  /** Says that the outbox has something. */
  onWork(word?: ControlWord): void;
  state(): Promise<MetricsState>;
  /** What of the credentials keeps pushes from being sent, with its fix; undefined where nothing does. */
  trouble(): string | undefined;
  /** Sends what is due from now on, and says that it is there, and which doors are closed. */
  begin(closed?: () => readonly ClosedDoor[]): void;
  /**
   * Starts no push any more. Resolves when what is under way has its answer, or its lease back, and what came in
   * before `lastEvent` resolved is safe; `next` is who goes on.
   */
  end(lastEvent?: Promise<unknown>, next?: Shift): Promise<void>;
}

/** Throws StoreError where the database cannot be used; without a usable credential pushes wait. */
export async function openShift(settings: Settings, means: ShiftMeans): Promise<Shift> {
  const { config, log } = settings;
  const store = await openConfigured(config, {
    ...{ create: true, log, busyTimeoutMs: BUSY_TIMEOUT_MS, batched: true },
  });
  const clock = clockOf(store, means.clock);
  try {
    const options = { config, store, clock, log, throttled: true, patient: true };
    const delivery = openDelivery(options, counting({ ...means, clock }));
    await prepareDelivery(config, store, { clock, log });
    return shiftOf({ ...means, clock, settings, store, delivery, ending: new AbortController() });
  } catch (error) {
    store.close();
    throw error;
  }
}

interface Parts extends ShiftMeans {
  settings: Settings;
  store: Store;
  delivery: Delivery;
  ending: AbortController;
}

function shiftOf(parts: Parts): Shift {
  const { settings, store, delivery, metrics, clock, ending } = parts;
  const bell = createBell(ending.signal);
  const onWork = (word?: ControlWord): void => {
    bell.ring();
    delivery.courier.nudge(word);
  };
  const place = store.listen === undefined ? watchStorePlace(store) : placeElsewhere(store);
  const wayIn = openWayIn({ ...settings, store: () => place.store(), metrics, clock, onWork });
  let working: Promise<unknown> = Promise.resolve();
  return {
    settings,
    store,
    isInPlace: () => place.isInPlace(),
    makeWay: () => place.makeWay(),
    receive: wayIn.receive,
    takeSpool: () => wayIn.takeSpool(),
    onWork,
    state: () => stateOf(store, delivery, clock),
    trouble: () => troubleText(delivery.credentials()),
    begin: (closed = () => []) => {
      working = work(parts, { bell, place, closed });
    },
    end: async (lastEvent = Promise.resolve(), next) => {
      ending.abort();
      try {
        await lastEvent;
        await wayIn.settled();
        await working;
        await delivery.close();
        if (next?.store?.file !== store.file) await takeBackAnnouncement(store, settings.log);
        await store.releaseLeases([delivery.owner]);
        await endSharing(settings.config, store, delivery.owner, { clock, log: settings.log });
      } finally {
        place.close();
      }
    },
  };
}

/** Resolves when it has ended, or when an answer of Apple's takes too long. */
async function work(
  { settings: { config, log }, store, delivery, trouble, clock, ending }: Parts,
  { bell, place, closed }: { bell: Bell; place: StorePlace; closed: () => readonly ClosedDoor[] },
): Promise<void> {
  const { signal } = ending;
  let isOver = false;
  // An answer later than that finds the store closed, and its lease given back: there is nothing to tell.
  const logUntilOver = followLog(() => (isOver ? SILENT : log));
  const { courier } = delivery;
  const hush = store.listen?.(() => {
    bell.ring();
    courier.nudge();
  });
  const delivering = deliver(
    { store, courier, clock, bell, signal },
    untilSignal(logUntilOver, createReminder(clock)),
  );
  const onWritten = (error?: unknown): void => {
    if (error instanceof StoreError && error.busy) return; // it is free again soon, or events tell
    if (error !== undefined) trouble.note(error, log);
    else if (place.isInPlace()) trouble.clear();
  };
  const chore = { clock, log, ending: signal };
  const chores = [
    keepAnnouncing(config, store, { closed, onWritten }, chore),
    keepWarning(delivery, chore),
    keepHistory(config, store, delivery.owner, chore),
    keepLooking(delivery, () => bell.ring(), chore),
  ];
  await aborted(signal);
  hush?.();
  await within(ENDING_TIMEOUT_MS, delivering, clock);
  isOver = true;
  await Promise.all(chores);
}

/** Resolves with the promise, or after that time; leaves no timer that would keep the process alive. */
async function within(timeoutMs: number, promise: Promise<void>, clock: Clock): Promise<void> {
  const settled = new AbortController();
  try {
    await Promise.race([promise, clock.sleep(timeoutMs, settled.signal)]);
  } finally {
    settled.abort();
  }
}

function counting({ metrics, clock }: ShiftMeans): Required<Pick<CourierOptions, 'onSettled' | 'onGivenUp'>> {
  return {
    onSettled: ({ eventMs }, outcome, { gaveUp, reason }) => {
      metrics.pushSettled(gaveUp ? 'gave_up' : outcome.kind, reason);
      if (outcome.kind === 'delivered') metrics.observeLatency(eventMs, clock.nowMs());
    },
    onGivenUp: (dropped) => {
      for (const { reason } of dropped) metrics.pushSettled('gave_up', reason);
    },
  };
}
