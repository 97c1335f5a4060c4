import { ANNOUNCED, type Announcement, spanAround } from '../presence.ts';
import type { Serve } from '../summary.ts';
import { MAY_BE_LOST, type Sql, type Transactions } from './database.ts';

export function mayStartDeliverer(database: Transactions, nowMs: number, forMs: number): Promise<boolean> {
  return database.write(
    (sql) =>
      sql('UPDATE deliverer SET until_ms = @untilMs WHERE until_ms <= @nowMs OR until_ms > @untilMs').run({
        nowMs,
        untilMs: nowMs + forMs,
      }).changes === 1,
    MAY_BE_LOST,
  );
}

export function delivererStarted(database: Transactions): Promise<void> {
  return database.write((sql) => {
    sql('UPDATE deliverer SET until_ms = 0').run();
  }, MAY_BE_LOST);
}

export function announceServe(
  database: Transactions,
  { owner, sinceMs, nowMs, outdated, closed = [] }: Announcement,
): Promise<void> {
  return database.write((sql) => {
    sql(
      `INSERT INTO serves (owner, since_ms, announced_ms, outdated, closed_doors) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (owner) DO UPDATE SET announced_ms = excluded.announced_ms, outdated = excluded.outdated,
         closed_doors = excluded.closed_doors`,
    ).run(owner, sinceMs, nowMs, outdated ?? null, closed.length === 0 ? null : JSON.stringify(closed));
    sql(`DELETE FROM serves WHERE NOT (${ANNOUNCED})`).run(spanAround(nowMs));
  }, MAY_BE_LOST);
}

export function withdrawServe(database: Transactions, owner: string): Promise<void> {
  return database.write((sql) => {
    sql('DELETE FROM serves WHERE owner = ?').run(owner);
  }, MAY_BE_LOST);
}

/** Whether a `serve` runs on this store, so that pushes may be held back: somebody is there to send them later. */
export function isServed(sql: Sql, nowMs: number): boolean {
  return sql(`SELECT 1 FROM serves WHERE ${ANNOUNCED}`).get(spanAround(nowMs)) !== undefined;
}

/** Those that say they are there, the one that runs for longest first. */
export function servesIn(sql: Sql, nowMs: number): Serve[] {
  const rows = sql(
    `SELECT owner, since_ms AS sinceMs, outdated, coalesce(closed_doors, '[]') AS closed FROM serves
     WHERE ${ANNOUNCED} ORDER BY since_ms`,
  ).all(spanAround(nowMs)) as (Omit<Serve, 'closed'> & { closed: string })[];
  return rows.map((row) => ({ ...row, closed: JSON.parse(row.closed) as Serve['closed'] }));
}
