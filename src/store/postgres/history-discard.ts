import type { HistoryPlace, SharedVerbs } from '../shared.ts';
import type { Database } from './database.ts';

/** So many in a statement: the server gives up what takes too long. */
const BATCHES_AT_ONCE = 5000;

/** In statements of bounded length, so that none is given up however much there is; stops between two when it is to. */
export async function discardHistory(
  database: Database,
  { beforeMs, maxEntries, dryRun, signal }: Parameters<SharedVerbs['discardHistory']>[0],
): Promise<number> {
  const clear = dryRun ? bytesOf : remove;
  let bytes = await clear(database, TOO_OLD, { beforeMs }, signal);
  for (const cut of await cutsIn(database, { beforeMs, maxEntries }, signal))
    bytes += await clear(database, TOO_MUCH, { beforeMs, ...cut }, signal);
  return bytes;
}

const TOO_OLD = 'until_ms < @beforeMs';
const TOO_MUCH = 'until_ms >= @beforeMs AND shelf = @shelf AND (until_ms, id) <= (@untilMs, @id::bigint)';

/** The newest batch of a shelf that comes after as many entries as are kept. */
interface Cut extends HistoryPlace {
  shelf: string;
}

/** Goes through all that is not too old, the newest first. */
async function cutsIn(
  database: Database,
  bounds: { beforeMs: number; maxEntries: number },
  signal: AbortSignal | undefined,
): Promise<Cut[]> {
  const cuts = new Map<string, Cut>();
  const kept: Record<string, number> = {};
  let last: HistoryPlace = { untilMs: Number.MAX_SAFE_INTEGER, id: Number.MAX_SAFE_INTEGER };
  while (signal?.aborted !== true) {
    const values = { ...bounds, ...last, kept: JSON.stringify(kept) };
    const parts = await database.ask((sql) => sql.rows<Part>(PARTS, values));
    for (const { shelf, entries, cutMs, cutId } of parts) {
      kept[shelf] = entries;
      if (cutMs !== null && cutId !== null && !cuts.has(shelf))
        cuts.set(shelf, { shelf, untilMs: cutMs, id: cutId });
    }
    if (parts.reduce((sum, { batches }) => sum + batches, 0) < BATCHES_AT_ONCE) break;
    last = parts.map(({ lastMs, lastId }) => ({ untilMs: lastMs, id: lastId })).reduce(earlier);
  }
  return [...cuts.values()];
}

function earlier(one: HistoryPlace, other: HistoryPlace): HistoryPlace {
  return one.untilMs < other.untilMs || (one.untilMs === other.untilMs && one.id < other.id) ? one : other;
}

/** What some of the batches in a row have of one shelf. */
interface Part {
  shelf: string;
  batches: number;
  /** With those of all that are newer. */
  entries: number;
  /** The newest that is too much. */
  cutMs: number | null;
  cutId: number | null;
  /** The oldest. */
  lastMs: number;
  lastId: number;
}

const PARTS = `
  WITH page AS (
    SELECT id, until_ms, shelf, entries FROM xapplepush.history
    WHERE until_ms >= @beforeMs AND (until_ms, id) < (@untilMs, @id::bigint)
    ORDER BY until_ms DESC, id DESC LIMIT ${BATCHES_AT_ONCE}),
  placed AS (
    SELECT *, coalesce((@kept::jsonb ->> shelf)::bigint, 0)
      + sum(entries) OVER (PARTITION BY shelf ORDER BY until_ms DESC, id DESC) AS kept FROM page),
  judged AS (SELECT *, kept - entries >= @maxEntries::bigint AS is_much FROM placed)
  SELECT shelf, count(*) AS batches, max(kept)::bigint AS entries,
    max(until_ms) FILTER (WHERE is_much) AS "cutMs",
    (array_agg(id ORDER BY until_ms DESC, id DESC) FILTER (WHERE is_much))[1] AS "cutId",
    min(until_ms) AS "lastMs", (array_agg(id ORDER BY until_ms, id))[1] AS "lastId"
  FROM judged GROUP BY shelf`;

type Values = Record<string, string | number>;

async function bytesOf(database: Database, which: string, values: Values): Promise<number> {
  const text = `SELECT pg_column_size(lines) AS bytes FROM xapplepush.history WHERE ${which}`;
  return (await sumOf(database, text, values)).bytes;
}

async function remove(
  database: Database,
  which: string,
  values: Values,
  signal: AbortSignal | undefined,
): Promise<number> {
  const text = `DELETE FROM xapplepush.history WHERE id IN (
    SELECT id FROM xapplepush.history WHERE ${which} ORDER BY until_ms, id LIMIT ${BATCHES_AT_ONCE})
    RETURNING pg_column_size(lines) AS bytes`;
  let freedBytes = 0;
  while (signal?.aborted !== true) {
    const { rows, bytes } = await sumOf(database, text, values);
    freedBytes += bytes;
    if (rows < BATCHES_AT_ONCE) break;
  }
  return freedBytes;
}

async function sumOf(
  database: Database,
  text: string,
  values: Values,
): Promise<{ rows: number; bytes: number }> {
  const found = await database.ask((sql) =>
    sql.row<{ rows: number; bytes: number }>(
      `WITH found AS (${text}) SELECT count(*) AS rows, coalesce(sum(bytes), 0)::bigint AS bytes FROM found`,
      values,
    ),
  );
  return found ?? { rows: 0, bytes: 0 };
}
