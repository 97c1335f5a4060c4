import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import { hostNameOf } from '../config/host-name.ts';
import type { Chore } from './chores.ts';
import { historyFolder } from '../history/history.ts';
import { keptHistory } from '../history/kept.ts';
import { sendHistory } from '../history/sending.ts';
import { messageOf } from '../process/errors.ts';
import { createReminder } from '../process/reminder.ts';
import type { Store } from '../store/store.ts';

/** A person who looks on does not notice it. */
const SEND_INTERVAL_MS = 500;

/** How often what is too old or too much is thrown away, by one host; another does it when that one has been silent. */
const DISCARD_INTERVAL_MS = 30_000;
const DUTY_MS = 3 * DISCARD_INTERVAL_MS;

/** So long it brings history at its end: systemd does not wait for ever, and what is left the next `serve` brings. */
const ENDING_MS = 2000;

/**
 * Brings this host's history into a store that hosts share, in batches and beside everything else: nobody waits for it.
 * While the store is away it stays in this host's files.
 */
export async function keepHistory(config: Config, store: Store, owner: string, chore: Chore): Promise<void> {
  const { shared } = store;
  if (shared === undefined) return;
  const { clock, ending } = chore;
  const send = telling(chore, WAITS, () =>
    sendHistory(shared, sendingOf(config), clock.nowMs(), () => ending.aborted),
  );
  const discard = telling(chore, STAYS, async () => {
    const terms = { nowMs: clock.nowMs(), dryRun: false, signal: ending };
    if (await shared.takeDuty('history', owner, DUTY_MS))
      await keptHistory(config, store).discard(config.history, terms);
  });
  let discardedMs = clock.steadyMs();
  for (;;) {
    await clock.sleep(SEND_INTERVAL_MS, ending);
    if (ending.aborted) return;
    const isSent = await send();
    if (!isSent || clock.steadyMs() - discardedMs < DISCARD_INTERVAL_MS) continue;
    discardedMs = clock.steadyMs();
    await discard();
  }
}

/** Gives whether it succeeded; a failure is told now and then, and tried again the next time. */
function telling(
  { clock, log }: Pick<Chore, 'clock' | 'log'>,
  message: string,
  attempt: () => Promise<void>,
): () => Promise<boolean> {
  const reminder = createReminder(clock);
  return async () => {
    try {
      await attempt();
      reminder.clear();
      return true;
    } catch (error) {
      const reason = messageOf(error);
      if (reminder.isDue(reason)) log.warn(message, { reason });
      return false;
    }
  };
}

/** Brings what was written until the end, and leaves to others what this host did for all. Never rejects. */
export async function endSharing(
  config: Config,
  { shared }: Store,
  owner: string,
  { clock, log }: Pick<Chore, 'clock' | 'log'>,
): Promise<void> {
  if (shared === undefined) return;
  await nextTurn(); // what was recorded in this one is written at its end
  const untilMs = clock.steadyMs() + ENDING_MS;
  const isOver = (): boolean => clock.steadyMs() >= untilMs;
  try {
    await shared.leaveDuties(owner);
    // Set aside, and brought.
    for (let times = 0; times < 2; times += 1)
      await sendHistory(shared, sendingOf(config), clock.nowMs(), isOver);
  } catch (error) {
    log.warn(WAITS, { reason: messageOf(error) });
  }
}

const WAITS = 'the history waits in the files of this host';
const STAYS = 'what of the history is too old or too much stays in the database for now';

function sendingOf(config: Config): Parameters<typeof sendHistory>[1] {
  return {
    folder: historyFolder(config.store),
    host: hostNameOf(config.postgres),
    bounds: config.history,
  };
}
