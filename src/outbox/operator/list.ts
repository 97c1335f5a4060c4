import { type Store, withStore } from '../../db.ts';
import { countWaiting, type WaitingFilter, type WaitingPush, waitingPushes } from '../waiting.ts';
import { filterOf, type OutboxCommand, type PushSelection } from './command.ts';
import { pushJson, pushTable } from './show.ts';

/** Pushes that a person still reads through. */
export const LIST_LIMIT = 1000;

/** Lists the pushes that wait, the oldest first: 1000 unless `limit` says otherwise, as JSON all. */
export async function listCommand(
  command: OutboxCommand,
  selection: PushSelection,
  { json, limit }: { json: boolean; limit: number | undefined },
): Promise<void> {
  const filter = filterOf(command.config, selection);
  await withStore(command.config.store, async (store) => {
    if (json) await showJson(command, store, filter, limit ?? -1);
    else await command.show(await tableOf(command, store, filter, limit ?? LIST_LIMIT));
  });
}

/** The table of the oldest `limit` pushes that match, and how many more there are. */
export async function tableOf(
  { clock }: OutboxCommand,
  store: Store,
  filter: WaitingFilter,
  limit: number,
): Promise<string> {
  const { free, sending } = await countWaiting(store, filter, clock.nowMs());
  const pushes: WaitingPush[] = [];
  for await (const batch of waitingPushes(store, filter, limit)) pushes.push(...batch);
  return pushTable(pushes, free + sending, clock.nowMs());
}

/** One array, written as it is read: there may be a hundred thousand. */
async function showJson(
  { clock, show }: OutboxCommand,
  store: Store,
  filter: WaitingFilter,
  limit: number,
): Promise<void> {
  let before = '[';
  for await (const batch of waitingPushes(store, filter, limit)) {
    const texts = batch.map((push) => JSON.stringify(pushJson(push, clock.nowMs()), null, 2));
    if (texts.length === 0) continue;
    await show(`${before}\n${texts.join(',\n').replaceAll(/^/gm, '  ')}`);
    before = ',';
  }
  await show(before === '[' ? '[]\n' : '\n]\n');
}
