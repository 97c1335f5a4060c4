import type { HistoryBatch, HistoryNews, HistoryTerms, KeptBatch, SharedVerbs } from '../shared.ts';
import { type Database, MAY_BE_LOST } from './database.ts';

/** A power cut of the server takes it, as it takes what was written last of a history in files. */
export async function keepHistory(database: Database, batch: HistoryBatch): Promise<void> {
  await database.transact(
    (sql) =>
      sql.change(
        `INSERT INTO xapplepush.history (batch, host, shelf, until_ms, entries, lines)
         VALUES (@batch, @host, @shelf, @untilMs, @entries, @lines) ON CONFLICT (batch) DO NOTHING`,
        { ...batch },
      ),
    MAY_BE_LOST,
  );
}

const KEPT = 'id, host, shelf, until_ms AS "untilMs", lines';

/** The lines of those that are not asked for are not read: they stand apart from their rows. */
export function historyBefore(
  database: Database,
  { shelves, sinceMs, before, entries }: HistoryTerms,
): Promise<KeptBatch[]> {
  const last = before ?? { untilMs: Number.MAX_SAFE_INTEGER, id: Number.MAX_SAFE_INTEGER };
  return database.ask((sql) =>
    sql.rows<KeptBatch>(
      `SELECT ${KEPT} FROM (
         SELECT *, sum(entries) OVER (ORDER BY until_ms DESC, id DESC) - entries AS newer FROM (
           SELECT * FROM xapplepush.history WHERE until_ms >= @sinceMs AND (until_ms, id) < (@untilMs, @id::bigint)
             AND shelf = ANY(@shelves::text[]) ORDER BY until_ms DESC, id DESC LIMIT ${BATCHES_ASKED}) AS piece) AS placed
       WHERE newer < @entries::bigint ORDER BY until_ms DESC, id DESC`,
      { ...last, shelves, sinceMs, entries },
    ),
  );
}

const BATCHES_ASKED = 500;

export function historyAfter(
  database: Database,
  { shelves, afterId, without, limit }: HistoryNews,
): Promise<KeptBatch[]> {
  return database.ask((sql) =>
    sql.rows<KeptBatch>(
      `SELECT ${KEPT} FROM xapplepush.history WHERE id > @afterId::bigint AND id <> ALL(@without::bigint[])
         AND shelf = ANY(@shelves::text[]) ORDER BY id LIMIT @limit`,
      { afterId, shelves, without, limit },
    ),
  );
}

export async function lastHistory(database: Database): Promise<number> {
  const row = await database.ask((sql) =>
    sql.row<{ id: number }>('SELECT coalesce(max(id), 0) AS id FROM xapplepush.history'),
  );
  return row?.id ?? 0;
}

/** So many in a statement: the server gives up what takes too long. */
const BATCHES_AT_ONCE = 5000;

export async function discardHistory(
  database: Database,
  { beforeMs, maxEntries, dryRun }: Parameters<SharedVerbs['discardHistory']>[0],
): Promise<number> {
  const values = { beforeMs, maxEntries };
  if (dryRun)
    return (await sumOf(database, `SELECT pg_column_size(h.lines) AS bytes ${TOO_MUCH}`, values)).bytes;
  let freedBytes = 0;
  for (;;) {
    const { rows, bytes } = await sumOf(database, DISCARD, values);
    freedBytes += bytes;
    if (rows < BATCHES_AT_ONCE) return freedBytes;
  }
}

/** How many entries of a shelf are newer than a batch is told by its place in time. */
const TOO_MUCH = `FROM xapplepush.history h JOIN (
    SELECT id, until_ms, sum(entries) OVER (PARTITION BY shelf ORDER BY until_ms DESC, id DESC) - entries AS newer
    FROM xapplepush.history) AS place ON place.id = h.id
  WHERE place.until_ms < @beforeMs OR place.newer >= @maxEntries`;

const DISCARD = `DELETE FROM xapplepush.history WHERE id IN (SELECT h.id ${TOO_MUCH} LIMIT ${BATCHES_AT_ONCE})
  RETURNING pg_column_size(lines) AS bytes`;

async function sumOf(
  database: Database,
  text: string,
  values: { beforeMs: number; maxEntries: number },
): Promise<{ rows: number; bytes: number }> {
  const found = await database.ask((sql) =>
    sql.row<{ rows: number; bytes: number }>(
      `WITH found AS (${text}) SELECT count(*) AS rows, coalesce(sum(bytes), 0)::bigint AS bytes FROM found`,
      values,
    ),
  );
  return found ?? { rows: 0, bytes: 0 };
}
