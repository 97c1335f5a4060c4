import { aborted, within } from './chores.ts';
import { deliver, untilSignal } from '../delivery/loop.ts';
import type { ControlWord } from '../delivery/poke.ts';
import { createBell } from '../process/bell.ts';
import type { Clock } from '../process/clock.ts';
import { messageOf } from '../process/errors.ts';
import { createReminder } from '../process/reminder.ts';
import { enabledServices } from '../services/enabled.ts';
import type { ServiceName } from '../services/endpoint.ts';
import type { Store } from '../store/store.ts';
import type { NoticeDeliveryOptions } from '../delivery/notices.ts';
import type { NoticeFigures, NoticeMetrics } from './notice-metrics.ts';
import type { Settings, ShiftMeans } from './shift.ts';

/** What carries notices to other push services, as long as a shift works. */
export interface NoticeChore {
  /** Notices may be due. */
  ring(word?: ControlWord): void;
  /** Sends what is due until the shift ends; then resolves when what is under way has its answer. Never rejects. */
  keep(log: Settings['log']): Promise<void>;
  /** For the metrics; undefined where no service is switched on. */
  figures(): Promise<NoticeFigures | undefined>;
  /** Gives back what is still leased. */
  close(): Promise<void>;
}

/** So long a server of others may hold up the end; Apple's answers are waited for longer, each costs a push of its own. */
const ENDING_MS = 2000;

const NONE: NoticeChore = {
  ring: () => undefined,
  keep: () => Promise.resolve(),
  figures: () => Promise.resolve(undefined),
  close: () => Promise.resolve(),
};

/** A host that has no service but Apple's loads nothing of it. */
export async function openNoticeChore(
  { config, log }: Settings,
  store: Store,
  { clock, metrics }: Pick<ShiftMeans, 'clock' | 'metrics'>,
  ending: AbortSignal,
): Promise<NoticeChore> {
  const services = enabledServices(config);
  if (services.length === 0) return NONE;
  const series = metrics.notices();
  series.have(services);
  const { openNotices, releaseDeadNotices } = await import('../delivery/notices.ts');
  const delivery = openNotices({ config, store, clock, log, onSettled: counting(series) });
  await releaseDeadNotices(store).catch((error: unknown) => {
    log.warn('notices that a dead process was sending wait a little longer', { reason: messageOf(error) });
  });
  const { courier, owner } = delivery;
  const bell = createBell(ending);
  return {
    ring: (word) => {
      if (word === 'retry') void makeDue(store, clock, log).then(() => bell.ring());
      bell.ring();
      courier.nudge(word);
    },
    keep: async (until) => {
      const delivering = deliver(
        { store: { nextDueMs: () => store.nextNoticeDueMs() }, courier, clock, bell, signal: ending },
        untilSignal(until, createReminder(clock)),
      );
      await aborted(ending);
      await within(ENDING_MS, delivering, clock);
      await delivery.close(); // what hangs ends with its connection, and goes once more under the same id
      await delivering;
    },
    figures: () => figuresOf(store, services, clock.nowMs()),
    close: async () => {
      await delivery.close();
      await store.releaseNotices([owner]);
    },
  };
}

function counting(series: NoticeMetrics): Required<NoticeDeliveryOptions>['onSettled'] {
  return ({ claimed, outcome, settlement, isHeld }) => {
    if (settlement.gaveUp) series.settled(claimed.endpoint.service, 'gave_up');
    else if (!isHeld) series.settled(claimed.endpoint.service, outcome.kind);
  };
}

/** Never rejects. */
async function makeDue(store: Store, clock: Clock, log: Settings['log']): Promise<void> {
  try {
    await store.makeNoticesDue(clock.nowMs());
  } catch (error) {
    log.warn('notices that wait for their next attempt go on waiting', { reason: messageOf(error) });
  }
}

async function figuresOf(
  store: Store,
  services: readonly ServiceName[],
  nowMs: number,
): Promise<NoticeFigures> {
  const [counts, { notices, oldestMs }] = await Promise.all([
    store.countEndpoints(nowMs),
    store.countNotices(),
  ]);
  return {
    endpoints: Object.fromEntries(services.map((service) => [service, counts[service].endpoints])),
    waiting: notices,
    oldestMs: oldestMs === undefined ? 0 : Math.max(0, nowMs - oldestMs),
  };
}
