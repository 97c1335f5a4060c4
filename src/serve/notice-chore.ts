import { aborted, within } from './chores.ts';
import { deliver, untilSignal } from '../delivery/loop.ts';
import type { ControlWord } from '../delivery/poke.ts';
import { createBell } from '../process/bell.ts';
import { messageOf } from '../process/errors.ts';
import { createReminder } from '../process/reminder.ts';
import { enabledServices } from '../services/enabled.ts';
import type { Store } from '../store/store.ts';
import type { Settings, ShiftMeans } from './shift.ts';

/** What carries notices to other push services, as long as a shift works. */
export interface NoticeChore {
  /** Notices may be due. */
  ring(word?: ControlWord): void;
  /** Sends what is due until the shift ends; then resolves when what is under way has its answer. Never rejects. */
  keep(log: Settings['log']): Promise<void>;
  /** Gives back what is still leased. */
  close(): Promise<void>;
}

/** So long a server of others may hold up the end; Apple's answers are waited for longer, each costs a push of its own. */
const ENDING_MS = 2000;

const NONE: NoticeChore = {
  ring: () => undefined,
  keep: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

/** A host that has no service but Apple's loads nothing of it. */
export async function openNoticeChore(
  { config, log }: Settings,
  store: Store,
  { clock }: Pick<ShiftMeans, 'clock'>,
  ending: AbortSignal,
): Promise<NoticeChore> {
  if (enabledServices(config).length === 0) return NONE;
  const { openNotices, releaseDeadNotices } = await import('../delivery/notices.ts');
  const delivery = openNotices({ config, store, clock, log });
  await releaseDeadNotices(store).catch((error: unknown) => {
    log.warn('notices that a dead process was sending wait a little longer', { reason: messageOf(error) });
  });
  const { courier, owner } = delivery;
  const bell = createBell(ending);
  const makeDue = (): Promise<unknown> =>
    store.makeNoticesDue(clock.nowMs()).catch((error: unknown) => {
      log.warn('notices that wait for their next attempt go on waiting', { reason: messageOf(error) });
    });
  return {
    ring: (word) => {
      if (word === 'retry') void makeDue().finally(() => bell.ring());
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
    close: async () => {
      await delivery.close();
      await store.releaseNotices([owner]);
    },
  };
}
