import type { HistoryPlace, KeptBatch, SharedVerbs } from '../store/shared.ts';
import { type Entry, entryOf } from './entry.ts';
import type { DiscardTerms, Following } from './kept.ts';
import type { Selection } from './read.ts';
import { indexedName } from './indexed-users.ts';
import { type Bounds, type Shelf, SHELVES } from './shelf.ts';

/** Asked for at once, about a megabyte: hosts that are busy bring so many in a batch, others a line. */
const ENTRIES_AT_ONCE = 4000;

/** The newest entries of all hosts that are wanted, oldest first. Asks for no more batches than it needs. */
export async function readShared(verbs: SharedVerbs, selection: Selection): Promise<Entry[]> {
  const { limit, sinceMs, maxEntries, shelves = SHELVES, wanted } = selection;
  const found: Entry[] = [];
  if (limit === 0) return found;
  for await (const entry of atMost(maxEntries, shelves, newestFirst(verbs, selection))) {
    if (entry.atMs < sinceMs) break;
    if (wanted(entry)) found.push(entry);
    if (found.length >= limit) break;
  }
  return found.reverse();
}

/** So many of each shelf. */
async function* atMost(
  maxEntries: number,
  shelves: readonly Shelf[],
  entries: AsyncIterable<Shelved>,
): AsyncGenerator<Entry> {
  const left = new Map(shelves.map((shelf) => [shelf, maxEntries]));
  for await (const { shelf, entry } of entries) {
    const room = left.get(shelf) ?? 0;
    if (room > 0) yield entry;
    left.set(shelf, room - 1);
    if (Math.max(...left.values()) <= 0) return;
  }
}

export interface Shelved {
  shelf: Shelf;
  entry: Entry;
}

/** What hosts did at the same time lies in batches that overlap: an entry waits for all that may be newer. */
export async function* newestFirst(
  verbs: SharedVerbs,
  { shelves = SHELVES, sinceMs, user }: Pick<Selection, 'shelves' | 'sinceMs' | 'user'>,
): AsyncGenerator<Shelved> {
  const ofUser = user === undefined ? undefined : indexedName(user);
  let waiting: Shelved[] = [];
  for (let before: HistoryPlace | undefined; ;) {
    const page = await verbs.historyBefore({ shelves, sinceMs, before, entries: ENTRIES_AT_ONCE, ofUser });
    waiting = [...waiting, ...page.flatMap((batch) => entriesIn(batch).reverse())];
    waiting.sort((a, b) => b.entry.atMs - a.entry.atMs);
    before = page.at(-1);
    const untilMs = before?.untilMs ?? -Infinity;
    const sure = waiting.findIndex(({ entry }) => entry.atMs <= untilMs);
    yield* waiting.splice(0, sure === -1 ? Infinity : sure);
    if (before === undefined) return;
  }
}

function entriesIn({ host, shelf, lines }: KeptBatch): Shelved[] {
  return lines.split('\n').flatMap((line) => {
    const entry = entryOf(line);
    return entry === undefined ? [] : { shelf: shelf as Shelf, entry: Object.assign(entry, { host }) };
  });
}

/** Hosts bring what is new twice a second. */
const LOOK_INTERVAL_MS = 500;

/** An id that is given first may be committed last: so many before the latest are looked for once more. */
const OVERLAP = 50;

/** Batches that are asked for at once. */
const NEWS_AT_ONCE = 20;

/** Gives every entry that a host brings from now on, until the signal aborts. */
export async function followShared(verbs: SharedVerbs, following: Following): Promise<void> {
  const { shelves = SHELVES, clock, signal, onEntry } = following;
  const fromId = await verbs.lastHistory();
  let seen: number[] = [];
  while (!signal.aborted) {
    const afterId = Math.max(fromId, ...seen.map((id) => id - OVERLAP));
    seen = seen.filter((id) => id > afterId);
    const batches = await verbs.historyAfter({ shelves, afterId, without: seen, limit: NEWS_AT_ONCE });
    seen.push(...batches.map(({ id }) => id));
    const news = batches.flatMap(entriesIn).sort((a, b) => a.entry.atMs - b.entry.atMs);
    for (const { entry } of news) onEntry(entry);
    if (batches.length < NEWS_AT_ONCE) await clock.sleep(LOOK_INTERVAL_MS, signal);
  }
}

export function discardShared(
  verbs: SharedVerbs,
  { maxAgeMs, maxEntries }: Bounds,
  { nowMs, ...terms }: DiscardTerms,
): Promise<number> {
  return verbs.discardHistory({ beforeMs: nowMs - maxAgeMs, maxEntries, ...terms });
}
