import type { Store } from '../store/store.ts';
import { withStore } from '../store/configured.ts';
import type { WaitingCount, WaitingFilter } from '../outbox/waiting.ts';
import { poke } from '../delivery/poke.ts';
import { countOf } from '../process/text.ts';
import { releaseDeadLeases } from '../delivery/lease.ts';
import { ensureDelivery } from '../delivery/wake.ts';
import {
  areOrIs,
  noneMatches,
  type OutboxCommand,
  type PushSelection,
  record,
  sendingNote,
  sentences,
  waitingFilterOf,
} from './command.ts';

/** Makes the pushes that match due now and has them delivered. Throws OperatorError (exit 65) where none matches. */
export async function retryCommand(
  command: OutboxCommand,
  selection: PushSelection,
  { dryRun }: { dryRun: boolean },
): Promise<void> {
  const { config, clock, show } = command;
  const filter = waitingFilterOf(config, selection);
  await withStore(config, async (store) => {
    await releaseDeadLeases(store);
    const nowMs = clock.nowMs();
    const count = dryRun ? await store.countWaiting(filter, nowMs) : await retry(store, filter, command);
    if (count.free + count.sending === 0) throw noneMatches();
    const due = `${countOf(count.free, 'push', 'pushes')} ${dryRun ? 'would be' : areOrIs(count.free)} due now`;
    await show(
      sentences([...(count.free > 0 ? [due] : []), ...askedToWait(count, dryRun), ...sendingNote(count)]),
    );
    if (count.free > 0 && !dryRun) await show(sentences([await deliver(command, store)]));
  });
}

async function retry(store: Store, filter: WaitingFilter, command: OutboxCommand): Promise<WaitingCount> {
  const { count, madeDue } = await store.retryWaiting(filter, command.clock.nowMs());
  record(command, madeDue, 'push made due');
  return count;
}

/** Whoever delivers is told to try even where it rests after a failure; where there is none, one is started. */
async function deliver({ config, clock, log }: OutboxCommand, store: Store): Promise<string> {
  if (await poke(config.control, 'retry', config.edition)) return 'the deliverer that runs was told';
  if (config.postgres !== undefined) return 'every serve of the store was told';
  await ensureDelivery(config, store, clock, log);
  return 'a deliverer was started';
}

function askedToWait({ askedToWait: pushes }: WaitingCount, dryRun: boolean): string[] {
  if (pushes === 0) return [];
  const [they, verb] = pushes === 1 ? ['it', 'is'] : ['they', 'are'];
  return [
    `for ${pushes} of them Apple asked to wait longer: ${they} ${dryRun ? 'would be' : verb} tried all the same`,
  ];
}
