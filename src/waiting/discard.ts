import type { Store } from '../store/store.ts';
import { withStore } from '../store/configured.ts';
import type { WaitingCount, WaitingFilter } from '../outbox/waiting.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { countOf } from '../process/text.ts';
import { releaseDeadLeases } from '../delivery/lease.ts';
import {
  noneMatches,
  type OutboxCommand,
  type PushSelection,
  record,
  sendingNote,
  sentences,
  waitingFilterOf,
} from './command.ts';
import { LIST_LIMIT, tableOf } from './list.ts';

export interface DiscardOptions {
  /** Do not ask. */
  all: boolean;
  dryRun: boolean;
  /** Asks the person; undefined where there is nobody to ask. */
  ask: ((question: string) => Promise<boolean>) | undefined;
}

/**
 * Removes the pushes that match; more than one only where `all` says so or the person agrees. Throws OperatorError:
 * 65 where none matches, 64 where several match and nobody can be asked.
 */
export async function discardCommand(
  command: OutboxCommand,
  selection: PushSelection,
  options: DiscardOptions,
): Promise<void> {
  const { config, clock, show } = command;
  await withStore(config, async (store) => {
    await releaseDeadLeases(store);
    // What comes while the person thinks is not what was asked about.
    const filter = { ...waitingFilterOf(config, selection), enqueuedUntilMs: clock.nowMs() };
    const count = await store.countWaiting(filter, clock.nowMs());
    if (count.free + count.sending === 0) throw noneMatches();
    if (options.dryRun) {
      const would = `would discard ${countOf(count.free, 'push', 'pushes')}`;
      await show(
        `${sentences([would, ...sendingNote(count)])}${await tableOf(command, store, filter, LIST_LIMIT)}`,
      );
      return;
    }
    const showThem = async (): Promise<void> => show(await tableOf(command, store, filter, SHOWN_BEFORE));
    if (await mayDiscard(count, options, showThem)) await show(await discard(store, filter, command));
    else await show('nothing was discarded\n');
  });
}

/** So many are shown to a person who is asked. */
const SHOWN_BEFORE = 50;

async function mayDiscard(
  { free }: WaitingCount,
  { all, ask }: DiscardOptions,
  showThem: () => Promise<void>,
): Promise<boolean> {
  if (free <= 1 || all) return true;
  if (ask !== undefined) {
    await showThem();
    return ask(`Discard these ${free} pushes?`);
  }
  throw new OperatorError(`${free} pushes match, expected one`, {
    exitCode: ExitCode.usage,
    hint: 'add --all to discard them all, --token or --account-id to choose, or --dry-run to see them',
  });
}

async function discard(store: Store, filter: WaitingFilter, command: OutboxCommand): Promise<string> {
  const { clock, log } = command;
  const { discarded, sending } = await store.discardWaiting(filter, clock.nowMs());
  record(command, discarded, 'push given up');
  const users = new Map<string, number>();
  for (const { user } of discarded) users.set(user, (users.get(user) ?? 0) + 1);
  for (const [user, pushes] of users) log.info('pushes discarded by hand', { user, pushes });
  const what = `discarded ${countOf(discarded.length, 'push', 'pushes')}`;
  const isNews = discarded.length > 0 || sending === 0;
  return sentences([...(isNews ? [what] : []), ...sendingNote({ sending })]);
}
