import type { Clock } from '../clock.ts';
import type { Store } from '../db.ts';
import { inTurns } from '../turns.ts';
import { condition, type Target, type TargetFilter, targetOf, type TargetRow } from './store.ts';

/** By user and then the latest renewal; or the latest, or the most, first. */
export type TargetOrder = 'user' | 'renewed' | 'registered' | 'success' | 'failures';

/** With the unary +, sorting: to go by the index of users takes five times as long, a look-up for each row. */
const ORDER_BY: Readonly<Record<TargetOrder, string>> = {
  user: '+user, renewed_ms DESC, id',
  renewed: 'renewed_ms DESC, id',
  registered: 'registered_ms DESC, id',
  success: 'last_success_ms DESC, id',
  failures: 'failures DESC, id',
};

/** The ids of the targets that match, in this order: eight bytes each, where a million whole ones would be a gigabyte. */
export function targetIds(
  store: Store,
  filter: TargetFilter,
  order: TargetOrder = 'user',
): Promise<number[]> {
  return store.read((sql) => {
    const rows = sql(`SELECT id FROM targets WHERE ${condition(filter)} ORDER BY ${ORDER_BY[order]}`);
    return rows.pluck().all(filter) as number[];
  });
}

/** How many targets there are, and of how many users. */
export function countTargets(store: Store): Promise<{ targets: number; users: number }> {
  return store.read(
    (sql) =>
      sql('SELECT count(*) AS targets, count(DISTINCT user) AS users FROM targets').get() as {
        targets: number;
        users: number;
      },
  );
}

/** How many devices there are, and when the latest of their registrations was; undefined where there is none. */
export function renewals(store: Store): Promise<{ devices: number; renewedMs: number | undefined }> {
  return store.read((sql) => {
    const row = sql('SELECT count(*) AS devices, max(renewed_ms) AS renewedMs FROM targets').get();
    const { devices, renewedMs } = row as { devices: number; renewedMs: number | null };
    return { devices, renewedMs: renewedMs ?? undefined };
  });
}

/** Of these targets those that still match, in the order of the ids. */
export function targetsById(
  store: Store,
  ids: readonly number[],
  filter: TargetFilter = {},
): Promise<Target[]> {
  return store.read((sql) => {
    const rows = sql(
      `SELECT targets.* FROM json_each(@ids) AS wanted CROSS JOIN targets ON targets.id = wanted.value
       WHERE ${condition(filter)} ORDER BY wanted.key`,
    ).all({ ...filter, ids: JSON.stringify(ids) });
    return (rows as TargetRow[]).map(targetOf);
  });
}

/** How many targets are read in one transaction: a long one keeps the write-ahead log from being emptied. */
const PAGE_ROWS = 500;

/** These targets, page by page, as they are when a page is reached; without those that no longer match. */
export async function* targetPages(
  store: Store,
  ids: readonly number[],
  filter: TargetFilter,
): AsyncGenerator<Target[]> {
  for (let at = 0; at < ids.length; at += PAGE_ROWS)
    yield await targetsById(store, ids.slice(at, at + PAGE_ROWS), filter);
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
export async function removeTargets(
  store: Store,
  ids: readonly number[],
  { filter, listedMax, clock }: { filter: TargetFilter; listedMax: number; clock: Clock },
): Promise<Removal> {
  const removal: Removal = { count: 0, listed: [] };
  let at = 0;
  await inTurns(async (size) => {
    const rows = await removeSome(store, ids.slice(at, at + size), filter);
    at += size;
    removal.count += rows.length;
    removal.listed.push(...rows.slice(0, listedMax - removal.listed.length).map(targetOf));
    return at < ids.length;
  }, clock);
  return removal;
}

/** Gives the rows that were removed, in the order of the ids. */
function removeSome(store: Store, ids: readonly number[], filter: TargetFilter): Promise<TargetRow[]> {
  const places = new Map(ids.map((id, place) => [id, place]));
  return store.write((sql) => {
    const remove = sql(
      `DELETE FROM targets WHERE id IN (SELECT value FROM json_each(@ids)) AND ${condition(filter)} RETURNING *`,
    );
    const rows = remove.all({ ...filter, ids: JSON.stringify(ids) }) as TargetRow[];
    return rows.sort((a, b) => (places.get(a.id) ?? 0) - (places.get(b.id) ?? 0));
  });
}

/** The topics that phones were told, with how many targets each has and when one was renewed last. */
export function topicsInUse(store: Store): Promise<TopicUse[]> {
  return store.read(
    (sql) =>
      sql(
        `SELECT topic, count(*) AS count, max(renewed_ms) AS renewedMs FROM targets
         WHERE topic <> '' GROUP BY topic ORDER BY topic`,
      ).all() as TopicUse[],
  );
}

export interface TopicUse {
  topic: string;
  count: number;
  renewedMs: number;
}

/** The topic of the latest registration that has one; undefined where none has. */
export async function latestTopic(store: Store): Promise<string | undefined> {
  const row = await store.read((sql) =>
    sql(`SELECT topic FROM targets WHERE topic <> '' ORDER BY renewed_ms DESC LIMIT 1`).get(),
  );
  return (row as { topic: string } | undefined)?.topic;
}
