import type { Clock } from '../process/clock.ts';
import type { Store } from '../store/store.ts';
import { inTurns } from '../process/turns.ts';
import type { Target, TargetFilter } from '../targets/record.ts';

/** How many targets are read in one transaction: a long one keeps the write-ahead log from being emptied. */
const PAGE_ROWS = 500;

/** These targets, page by page, as they are when a page is reached; without those that no longer match. */
export async function* targetPages(
  store: Store,
  ids: readonly number[],
  filter: TargetFilter,
): AsyncGenerator<Target[]> {
  for (let at = 0; at < ids.length; at += PAGE_ROWS)
    yield await store.targetsById(ids.slice(at, at + PAGE_ROWS), filter);
}

/** What a person is shown of a removal. */
export interface Removal {
  count: number;
  /** The first of those that were removed. */
  listed: Target[];
}

/**
 * Removes those of these targets that still match, with all that belongs to them. In short transactions, so that
 * events do not wait; a target that renews meanwhile stays. Where it throws, part is done.
 */
export async function removeInTurns(
  store: Store,
  ids: readonly number[],
  { filter, listedMax, clock }: { filter: TargetFilter; listedMax: number; clock: Clock },
): Promise<Removal> {
  const removal: Removal = { count: 0, listed: [] };
  let at = 0;
  await inTurns(async (size) => {
    const removed = await store.removeTargets(ids.slice(at, at + size), filter);
    at += size;
    removal.count += removed.length;
    removal.listed.push(...removed.slice(0, listedMax - removal.listed.length));
    return at < ids.length;
  }, clock);
  return removal;
}
