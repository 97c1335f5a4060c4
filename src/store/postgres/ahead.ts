import { CLOCK_TOLERANCE_MS } from '../../outbox/timing.ts';
import type { ClockSeen, SetRight } from '../delivery.ts';
import { FREE } from '../free.ts';
import { LONGEST_WAIT_MS } from '../waking.ts';
import { type Database, MAY_BE_LOST } from './database.ts';

export async function setRight(
  database: Database,
  { nowMs, afterTargetId, limit }: { nowMs: number; afterTargetId: number; limit: number },
): Promise<SetRight> {
  const look = await database.ask((sql) =>
    sql.row<{ seen: number; last: number | null; rows: number }>(
      `SELECT count(*) AS seen, max(target_id) AS last, count(*) FILTER (WHERE ${PUT_OFF}) AS rows
       FROM (SELECT * FROM xapplepush.outbox WHERE target_id > @afterTargetId ORDER BY target_id LIMIT @limit) AS piece`,
      { nowMs, afterTargetId, limit },
    ),
  );
  const { seen = 0, last = null, rows = 0 } = look ?? {};
  const more = seen === limit ? (last ?? undefined) : undefined;
  if (rows === 0) return { rows, last: more };
  const changed = await database.ask((sql) =>
    sql.change(
      `UPDATE xapplepush.outbox SET due_ms = least(due_ms, @nowMs), event_ms = least(event_ms, @nowMs),
         enqueued_ms = least(enqueued_ms, @nowMs), lease_owner = NULL, lease_until_ms = NULL
       WHERE target_id > @afterTargetId AND target_id <= @last AND ${PUT_OFF}`,
      { nowMs, afterTargetId, last },
    ),
  );
  return { rows: changed, last: more };
}

/** The latest attempt is what an instant to come was reckoned from; where there was none, the first event. */
const PUT_OFF = `(${FREE} AND (event_ms > @nowMs + ${CLOCK_TOLERANCE_MS}
  OR lease_owner IS NOT NULL AND lease_until_ms > @nowMs
  OR due_ms > @nowMs AND (coalesce(attempted_ms, enqueued_ms) > @nowMs + ${CLOCK_TOLERANCE_MS}
    OR due_ms > @nowMs + ${LONGEST_WAIT_MS})))`;

export function mayTellClock(database: Database, nowMs: number, everyMs: number): Promise<boolean> {
  return database.ask(async (sql) => {
    const newest = await sql.row<{ ms: number }>(
      `SELECT greatest((SELECT max(renewed_ms) FROM xapplepush.targets),
         (SELECT max(last_success_ms) FROM xapplepush.credentials), 0) AS ms`,
    );
    if ((newest?.ms ?? 0) <= nowMs + CLOCK_TOLERANCE_MS) return false;
    const changed = await sql.change(
      `UPDATE xapplepush.deliverer SET clock_told_ms = @nowMs
       WHERE clock_told_ms IS NULL OR clock_told_ms <= @beforeMs OR clock_told_ms > @nowMs`,
      { nowMs, beforeMs: nowMs - everyMs },
    );
    return changed === 1;
  });
}

export async function clockSeen(database: Database): Promise<ClockSeen> {
  const row = await database.ask((sql) =>
    sql.row<ClockSeen>(
      'SELECT clock_seen_ms AS "seenMs", doubted_ms AS "doubtedMs" FROM xapplepush.deliverer',
    ),
  );
  return row ?? { seenMs: null, doubtedMs: null };
}

export async function noteClock(database: Database, nowMs: number, isDoubted: boolean): Promise<void> {
  await database.transact(
    (sql) =>
      sql.change(
        `UPDATE xapplepush.deliverer SET clock_seen_ms = @nowMs,
           doubted_ms = CASE WHEN @isDoubted THEN @nowMs ELSE doubted_ms END`,
        { nowMs, isDoubted },
      ),
    MAY_BE_LOST,
  );
}
