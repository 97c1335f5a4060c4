import { prepareDelivery } from './chores.ts';
import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import { troubleText } from './credential-health.ts';
import { stateOf } from './state.ts';
import { openConfigured } from '../store/configured.ts';
import type { Store } from '../store/store.ts';
import { type Delivery, openDelivery } from '../delivery/delivery.ts';
import type { ControlWord } from '../delivery/poke.ts';
import type { Subscriptions } from '../intake/subscriptions.ts';
import type { Log } from '../process/log.ts';
import { type NoticeChore, openNoticeChore } from './notice-chore.ts';
import type { Metrics, MetricsState } from './metrics.ts';
import { createBell } from '../process/bell.ts';
import type { CourierOptions } from '../delivery/courier.ts';
import type { ClosedDoor } from '../store/presence.ts';
import type { StoreTrouble } from './store-trouble.ts';
import { giveBack, work } from './shift-work.ts';
import { placeElsewhere, watchStorePlace } from './store-place.ts';
import { clockOf } from '../store/clock.ts';
import { openWayIn, type WayIn } from './way-in.ts';

/** A door must answer within milliseconds, and waiting for the database stops everything else here. */
const BUSY_TIMEOUT_MS = 50;

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
export interface Shift extends Pick<WayIn, 'receive' | 'takeSpool' | 'use'> {
  readonly settings: Settings;
  /** Undefined where the database could not be opened yet. */
  readonly store: Store | undefined;
  /** False where it was not opened, or its file was moved or replaced: then events wait in the spool. */
  isInPlace(): boolean;
  /** Where another database has the place of its own, that one can be opened afterwards. Gives what takes that back. */
  makeWay(): () => void;
  /** Those to Web Push, written to the database that works now. */
  subscriptions(): Promise<Subscriptions>;
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
    const ending = new AbortController();
    const notices = await openNoticeChore(settings, store, { ...means, clock }, ending.signal);
    return shiftOf({ ...means, clock, settings, store, delivery, notices, ending });
  } catch (error) {
    store.close();
    throw error;
  }
}

export interface Parts extends ShiftMeans {
  settings: Settings;
  store: Store;
  delivery: Delivery;
  notices: NoticeChore;
  ending: AbortController;
}

function shiftOf(parts: Parts): Shift {
  const { settings, store, delivery, notices, metrics, clock, ending } = parts;
  const bell = createBell(ending.signal);
  const onWork = (word?: ControlWord): void => {
    bell.ring();
    delivery.courier.nudge(word);
    notices.ring(word);
  };
  const onNotice = (): void => notices.ring();
  const place = store.listen === undefined ? watchStorePlace(store) : placeElsewhere(store);
  const wayIn = openWayIn({ ...settings, store: () => place.store(), metrics, clock, onWork, onNotice });
  let working: Promise<unknown> = Promise.resolve();
  return {
    settings,
    store,
    isInPlace: () => place.isInPlace(),
    makeWay: () => place.makeWay(),
    receive: wayIn.receive,
    takeSpool: () => wayIn.takeSpool(),
    subscriptions: async () => {
      const { openSubscriptions } = await import('../intake/subscriptions.ts');
      return openSubscriptions({ config: settings.config, clock, store: () => place.store(), onNotice });
    },
    use: wayIn.use,
    onWork,
    state: () => stateOf(store, delivery, notices, clock),
    trouble: () => troubleText(delivery.credentials()),
    begin: (closed = () => []) => {
      working = work(parts, { bell, place, closed });
    },
    end: async (lastEvent = Promise.resolve(), next) => {
      ending.abort();
      const over = lastEvent.then(() => wayIn.settled()).then(() => working);
      await over.then(() => giveBack(parts, next)).finally(() => place.close());
    },
  };
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
