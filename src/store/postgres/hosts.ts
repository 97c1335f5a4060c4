import { hostNameOf } from '../../config/host-name.ts';
import { VERSION } from '../../process/installation.ts';
import type { Announcement } from '../presence.ts';
import type { Host } from '../shared.ts';
import type { Database, Sql } from './database.ts';
import { SERVER_MS } from './server-clock.ts';

/** Who has not been seen for so long is forgotten; and of containers that never come back the latest so many are known. */
const FORGOTTEN_AFTER_MS = 7 * 24 * 60 * 60_000;
const MOST_HOSTS = 100;

type ThisHost = Pick<Database, 'host' | 'clockAheadMs'>;

export function hosts(database: Database): Promise<Host[]> {
  return database.ask((sql) =>
    sql.rows<Host>(
      `SELECT id, name, program, clock_ahead_ms AS "clockAheadMs", since_ms AS "sinceMs", seen_ms AS "seenMs",
         greatest(0, ${SERVER_MS} - seen_ms) AS "silentMs", ended_ms AS "endedMs"
       FROM xapplepush.hosts ORDER BY name, id`,
    ),
  );
}

/** Notes that a `serve` of this host is there, by the server's clock, and forgets hosts that are long gone. */
export async function noteHostIn(
  sql: Sql,
  { owner, sinceMs }: Announcement,
  database: ThisHost,
): Promise<void> {
  const name = hostNameOf(database);
  const aheadMs = database.clockAheadMs();
  await sql.change(
    `INSERT INTO xapplepush.hosts (id, name, program, clock_ahead_ms, since_ms, seen_ms)
     VALUES (@id, @name, @program, @aheadMs, @sinceMs, ${SERVER_MS})
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, program = excluded.program, since_ms = excluded.since_ms,
       clock_ahead_ms = excluded.clock_ahead_ms, seen_ms = excluded.seen_ms, ended_ms = NULL`,
    { id: idOf(owner, database), name, program: VERSION, aheadMs, sinceMs },
  );
  // A host that was given a name is not there under its former one any more.
  if (database.host !== undefined)
    await sql.change('DELETE FROM xapplepush.hosts WHERE id = @id', { id: machineOf(owner) });
  await sql.change(
    `DELETE FROM xapplepush.hosts WHERE seen_ms < ${SERVER_MS} - ${FORGOTTEN_AFTER_MS}
       OR id NOT IN (SELECT id FROM xapplepush.hosts ORDER BY seen_ms DESC LIMIT ${MOST_HOSTS})`,
  );
}

/** Another `serve` of the same host may go on. */
export async function noteEndIn(sql: Sql, owner: string, database: ThisHost): Promise<void> {
  await sql.change(
    `UPDATE xapplepush.hosts SET ended_ms = ${SERVER_MS} WHERE id = @id
       AND NOT EXISTS (SELECT 1 FROM xapplepush.serves WHERE owner LIKE '%@' || @id::text OR host = @id)`,
    { id: idOf(owner, database) },
  );
}

/** A host keeps the name that it was given, whatever machine or container it is. */
function idOf(owner: string, { host }: ThisHost): string {
  return host ?? machineOf(owner);
}

/** Of a process that has no name, the machine has none either. */
function machineOf(owner: string): string {
  return owner.split('@')[1] ?? hostNameOf();
}
