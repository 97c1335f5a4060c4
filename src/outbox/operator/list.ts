import { type Store, withStore } from '../../db.ts';
import { jsonList } from '../../json-list.ts';
import { countWaiting, type WaitingFilter, type WaitingPush, waitingPushes } from '../waiting.ts';
import { type OutboxCommand, type PushSelection, waitingFilterOf } from './command.ts';
import { pushJson, pushTable } from './show.ts';

/** Pushes that a person still reads through. */
export const LIST_LIMIT = 1000;

/** Lists the pushes that wait, the oldest first: 1000 unless `limit` says otherwise, as JSON all. */
export async function listCommand(
  command: OutboxCommand,
  selection: PushSelection,
  { json, limit }: { json: boolean; limit: number | undefined },
): Promise<void> {
  const filter = waitingFilterOf(command.config, selection);
  await withStore(command.config.store, async (store) => {
    if (!json) return command.show(await tableOf(command, store, filter, limit ?? LIST_LIMIT));
    const pages = shownPages(waitingPushes(store, filter, limit ?? -1), command.clock.nowMs());
    for await (const piece of jsonList(pages)) await command.show(piece);
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

async function* shownPages(pages: AsyncIterable<WaitingPush[]>, nowMs: number): AsyncGenerator<object[]> {
  for await (const pushes of pages) yield pushes.map((push) => pushJson(push, nowMs));
}
