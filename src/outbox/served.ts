import { MAY_BE_LOST, type Sql, type Store } from '../db.ts';
import { isDead } from '../process-name.ts';

/** What a `serve` says of itself. Times are milliseconds since the epoch, by the system's clock. */
export interface Announcement {
  /** Names its process; see lease.ts. */
  owner: string;
  /** When the process began. */
  sinceMs: number;
  nowMs: number;
  /** What it works with and is no longer what lies there: a path, or the program. */
  outdated: string | undefined;
}

/** Who has not said for so long that it is there is not; three times what a `serve` lets pass. */
export const ANNOUNCED_FOR_MS = 60_000;

/** A `serve` says that it is there. Several may be, each in a row of its own; those that are silent are forgotten. */
export function announceServe(
  store: Store,
  { owner, sinceMs, nowMs, outdated }: Announcement,
): Promise<void> {
  return store.write((sql) => {
    sql(
      `INSERT INTO serves (owner, since_ms, announced_ms, outdated) VALUES (?, ?, ?, ?)
       ON CONFLICT (owner) DO UPDATE SET announced_ms = excluded.announced_ms, outdated = excluded.outdated`,
    ).run(owner, sinceMs, nowMs, outdated ?? null);
    sql(`DELETE FROM serves WHERE NOT (${ANNOUNCED})`).run(spanAround(nowMs));
  }, MAY_BE_LOST);
}

/** It ends, and says so of nobody else. */
export function withdrawServe(store: Store, owner: string): Promise<void> {
  return store.write((sql) => {
    sql('DELETE FROM serves WHERE owner = ?').run(owner);
  }, MAY_BE_LOST);
}

/** Whether a `serve` runs on this store, so that pushes may be held back: somebody is there to send them later. */
export function isServed(sql: Sql, nowMs: number): boolean {
  return sql(`SELECT 1 FROM serves WHERE ${ANNOUNCED}`).get(spanAround(nowMs)) !== undefined;
}

/** Those that run on this store. */
export interface Served {
  /** When the process of the one that runs for longest began; undefined where the database cannot tell. */
  sinceMs: number | undefined;
  /** What of theirs is no longer what lies there. */
  outdated: string[];
}

/** Undefined where none runs. One that was killed has not withdrawn, and does not count where its end can be seen. */
export function servedBy(sql: Sql, nowMs: number): Served | undefined {
  const rows = sql(
    `SELECT owner, since_ms AS sinceMs, outdated FROM serves WHERE ${ANNOUNCED} ORDER BY since_ms`,
  ).all(spanAround(nowMs)) as { owner: string; sinceMs: number; outdated: string | null }[];
  const alive = rows.filter(({ owner }) => !isDead(owner));
  const [first] = alive;
  if (first === undefined) return undefined;
  return { sinceMs: first.sinceMs, outdated: [...new Set(alive.flatMap(({ outdated }) => outdated ?? []))] };
}

/** Neither long ago nor, by a clock that was ahead, long from now. */
const ANNOUNCED = 'announced_ms BETWEEN @fromMs AND @toMs';

function spanAround(nowMs: number): { fromMs: number; toMs: number } {
  return { fromMs: nowMs - ANNOUNCED_FOR_MS, toMs: nowMs + ANNOUNCED_FOR_MS };
}
