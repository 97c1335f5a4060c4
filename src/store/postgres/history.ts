import type { HistoryBatch, HistoryNews, HistoryTerms, KeptBatch } from '../shared.ts';
import { type Database, MAY_BE_LOST } from './database.ts';

/** A power cut of the server takes it, as it takes what was written last of a history in files. */
export async function keepHistory(database: Database, batch: HistoryBatch): Promise<void> {
  await database.transact(
    (sql) =>
      sql.change(
        `INSERT INTO xapplepush.history (batch, host, shelf, until_ms, entries, users, lines)
         VALUES (@batch, @host, @shelf, @untilMs, @entries, @users::text[], @lines) ON CONFLICT (batch) DO NOTHING`,
        { ...batch },
      ),
    MAY_BE_LOST,
  );
}

const KEPT = 'id, host, shelf, until_ms AS "untilMs", lines';

/** The lines of those that are not asked for are not read: they stand apart from their rows. */
export function historyBefore(
  database: Database,
  { shelves, sinceMs, before, entries, ofUser }: HistoryTerms,
): Promise<KeptBatch[]> {
  const last = before ?? { untilMs: Number.MAX_SAFE_INTEGER, id: Number.MAX_SAFE_INTEGER };
  return database.ask((sql) =>
    sql.rows<KeptBatch>(
      `SELECT ${KEPT} FROM (
         SELECT *, sum(entries) OVER (ORDER BY until_ms DESC, id DESC) - entries AS newer
         FROM (${ofUser === undefined ? pieceOf('xapplepush.history') : PIECE_OF_USER}) AS piece) AS placed
       WHERE newer < @entries::bigint ORDER BY until_ms DESC, id DESC`,
      { ...last, shelves, sinceMs, entries, ofUser },
    ),
  );
}

const BATCHES_ASKED = 500;
const NEWEST_FIRST = `ORDER BY until_ms DESC, id DESC LIMIT ${BATCHES_ASKED}`;

function pieceOf(batches: string, condition = 'TRUE'): string {
  return `SELECT * FROM ${batches} WHERE until_ms >= @sinceMs AND (until_ms, id) < (@untilMs, @id::bigint)
    AND shelf = ANY(@shelves::text[]) AND ${condition} ${NEWEST_FIRST}`;
}

/** As the partial index has it. */
const OF_ANYBODY = `users @> '{""}'`;

/** By their own index: that by time, which gives them in order, would go through those of everybody. */
const OF_USER_ALONE = `(SELECT * FROM xapplepush.history
  WHERE @ofUser::text <> '' AND users @> ARRAY[@ofUser::text] AND NOT ${OF_ANYBODY} OFFSET 0) AS own`;

/** Those that may be about anybody are many, and come in order from an index of their own. */
const PIECE_OF_USER = `SELECT * FROM (
  (${pieceOf(OF_USER_ALONE)}) UNION ALL (${pieceOf('xapplepush.history', OF_ANYBODY)})) AS either ${NEWEST_FIRST}`;

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
