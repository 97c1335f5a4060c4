import type { Database } from './database.ts';
import { NEWS } from './news.ts';

export async function countDue(database: Database): Promise<{ rows: number; nextMs: number | undefined }> {
  const row = await database.ask((sql) =>
    sql.row<{ rows: number; nextMs: number | null }>(
      `SELECT count(*) AS rows, min(greatest(due_ms, coalesce(lease_until_ms, 0))) AS "nextMs"
       FROM xapplepush.outbox`,
    ),
  );
  return { rows: row?.rows ?? 0, nextMs: row?.nextMs ?? undefined };
}

/** The free row that is due first, by the index; leased ones were due before it, or are all that is due. */
export async function nextDueMs(database: Database): Promise<number | undefined> {
  const row = await database.ask((sql) =>
    sql.row<{ ms: number | null }>(
      `WITH free AS MATERIALIZED
         (SELECT due_ms FROM xapplepush.outbox WHERE lease_owner IS NULL ORDER BY due_ms LIMIT 1)
       SELECT least((SELECT due_ms FROM free), (SELECT min(lease_until_ms) FROM xapplepush.outbox
         WHERE lease_owner IS NOT NULL AND due_ms < coalesce((SELECT due_ms FROM free), due_ms + 1))) AS ms`,
    ),
  );
  return row?.ms ?? undefined;
}

export async function stillWaiting(database: Database, targetIds: readonly number[]): Promise<number[]> {
  const rows = await database.ask((sql) =>
    sql.rows<{ id: number }>(
      'SELECT target_id AS id FROM xapplepush.outbox WHERE target_id = ANY(@targetIds::bigint[])',
      { targetIds },
    ),
  );
  const waiting = new Set(rows.map(({ id }) => id));
  return targetIds.filter((id) => waiting.has(id));
}

export async function makeAllDue(database: Database, nowMs: number): Promise<number> {
  const row = await database.ask((sql) =>
    sql.row<{ rows: number }>(
      `WITH due AS (UPDATE xapplepush.outbox SET due_ms = @nowMs WHERE due_ms > @nowMs AND lease_owner IS NULL
         RETURNING 1)
       SELECT count(*) AS rows, ${NEWS} FROM due`,
      { nowMs },
    ),
  );
  return row?.rows ?? 0;
}
