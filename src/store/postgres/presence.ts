import { hostNameOf } from '../../config/host-name.ts';
import { VERSION } from '../../process/installation.ts';
import { ANNOUNCED, type Announcement, spanAround } from '../presence.ts';
import type { Serve } from '../summary.ts';
import { type Database, MAY_BE_LOST, type Sql } from './database.ts';
import { noteEndIn, noteHostIn } from './hosts.ts';

export async function mayStartDeliverer(database: Database, nowMs: number, forMs: number): Promise<boolean> {
  const started = await database.ask((sql) =>
    sql.change(
      `UPDATE xapplepush.deliverer SET until_ms = @untilMs WHERE until_ms <= @nowMs OR until_ms > @untilMs`,
      { nowMs, untilMs: nowMs + forMs },
    ),
  );
  return started === 1;
}

export async function delivererStarted(database: Database): Promise<void> {
  await database.ask((sql) => sql.change('UPDATE xapplepush.deliverer SET until_ms = 0'));
}

export function announceServe(database: Database, announcement: Announcement): Promise<void> {
  const { owner, sinceMs, nowMs, outdated, closed = [] } = announcement;
  return database.transact(async (sql) => {
    await sql.change(
      `INSERT INTO xapplepush.serves
         (owner, host, program, clock_ahead_ms, since_ms, announced_ms, outdated, closed_doors)
       VALUES (@owner, @host, @program, @aheadMs, @sinceMs, @nowMs, @outdated, @closed)
       ON CONFLICT (owner) DO UPDATE SET announced_ms = excluded.announced_ms, outdated = excluded.outdated,
         closed_doors = excluded.closed_doors, clock_ahead_ms = excluded.clock_ahead_ms`,
      {
        ...{ owner, sinceMs, nowMs, outdated },
        ...{ host: hostNameOf(database), program: VERSION, aheadMs: database.clockAheadMs() },
        closed: closed.length === 0 ? null : JSON.stringify(closed),
      },
    );
    await sql.change(`DELETE FROM xapplepush.serves WHERE NOT (${ANNOUNCED})`, spanAround(nowMs));
    await noteHostIn(sql, announcement, database);
  }, MAY_BE_LOST);
}

export function withdrawServe(database: Database, owner: string): Promise<void> {
  return database.transact(async (sql) => {
    await sql.change('DELETE FROM xapplepush.serves WHERE owner = @owner', { owner });
    await noteEndIn(sql, owner, database);
  }, MAY_BE_LOST);
}

/** Those that say they are there, the one that runs for longest first. */
export async function servesIn(sql: Sql, nowMs: number): Promise<Serve[]> {
  const rows = await sql.rows<Omit<Serve, 'closed'> & { closed: string }>(
    `SELECT owner, since_ms AS "sinceMs", outdated, coalesce(closed_doors, '[]') AS closed
     FROM xapplepush.serves WHERE ${ANNOUNCED} ORDER BY since_ms, owner`,
    spanAround(nowMs),
  );
  return rows.map((row) => ({ ...row, closed: JSON.parse(row.closed) as Serve['closed'] }));
}
