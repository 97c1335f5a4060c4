import type { Store } from '../store/store.ts';
import { withStore } from '../store/configured.ts';
import type { WaitingFilter, WaitingPush } from '../outbox/waiting.ts';
import { jsonList } from '../terminal/json-list.ts';
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
  await withStore(command.config, async (store) => {
    if (!json) return command.show(await tableOf(command, store, filter, limit ?? LIST_LIMIT));
    const pages = shownPages(waitingPushes(store, filter, limit ?? -1), command.clock.nowMs());
    for await (const piece of jsonList(pages)) await command.show(piece);
  });
}

/** The table of the oldest `limit` pushes that match, and how many more there are. */
export async function tableOf(
  { clock, layout }: OutboxCommand,
  store: Store,
  filter: WaitingFilter,
  limit: number,
): Promise<string> {
  const { free, sending } = await store.countWaiting(filter, clock.nowMs());
  const pushes: WaitingPush[] = [];
  for await (const batch of waitingPushes(store, filter, limit)) pushes.push(...batch);
  return pushTable(pushes, free + sending, clock.nowMs(), layout);
}

/** How many rows are read in one transaction. */
const BATCH = 1000;

/** The oldest `limit` of the pushes that match, in batches; -1: all. What is gone meanwhile is left out. */
export async function* waitingPushes(
  store: Store,
  filter: WaitingFilter,
  limit: number,
): AsyncGenerator<WaitingPush[]> {
  const ids = await store.waitingIds(filter, limit);
  for (let start = 0; start < ids.length; start += BATCH)
    yield store.waitingById(ids.slice(start, start + BATCH));
}

async function* shownPages(pages: AsyncIterable<WaitingPush[]>, nowMs: number): AsyncGenerator<object[]> {
  for await (const pushes of pages) yield pushes.map((push) => pushJson(push, nowMs));
}
