import { CLOCK_TOLERANCE_MS } from '../../outbox/timing.ts';
import type { ClockSeen, SetRight } from '../delivery.ts';
import { MAY_BE_LOST, type Transactions } from './database.ts';
import { FREE } from '../free.ts';
import { LONGEST_WAIT_MS } from '../waking.ts';

export async function setRight(
  database: Transactions,
  { nowMs, afterTargetId, limit }: { nowMs: number; afterTargetId: number; limit: number },
): Promise<SetRight> {
  const { seen, last, rows } = await database.read(
    (sql) =>
      sql(
        `SELECT count(*) AS seen, max(target_id) AS last, count(iif(${PUT_OFF}, 1, NULL)) AS rows
         FROM (SELECT * FROM outbox WHERE target_id > @afterTargetId ORDER BY target_id LIMIT @limit)`,
      ).get({ nowMs, afterTargetId, limit }) as { seen: number; last: number | null; rows: number },
  );
  const more = seen === limit ? (last ?? undefined) : undefined;
  if (rows === 0) return { rows, last: more }; // only for one that was put off the write lock is taken
  const changed = await database.write(
    (sql) =>
      sql(
        `UPDATE outbox SET due_ms = min(due_ms, @nowMs), event_ms = min(event_ms, @nowMs),
           enqueued_ms = min(enqueued_ms, @nowMs), lease_owner = NULL, lease_until_ms = NULL
         WHERE target_id > @afterTargetId AND target_id <= @last AND ${PUT_OFF}`,
      ).run({ nowMs, afterTargetId, last }).changes,
  );
  return { rows: changed, last: more };
}

/** The latest attempt is what an instant to come was reckoned from; where there was none, the first event. */
const PUT_OFF = `${FREE} AND (event_ms > @nowMs + ${CLOCK_TOLERANCE_MS}
  OR lease_owner IS NOT NULL AND lease_until_ms > @nowMs
  OR due_ms > @nowMs AND (coalesce(attempted_ms, enqueued_ms) > @nowMs + ${CLOCK_TOLERANCE_MS}
    OR due_ms > @nowMs + ${LONGEST_WAIT_MS}))`;

export async function mayTellClock(database: Transactions, nowMs: number, everyMs: number): Promise<boolean> {
  const { newestMs } = await database.read(
    (sql) =>
      sql(
        `SELECT max(coalesce((SELECT max(renewed_ms) FROM targets), 0),
           coalesce((SELECT max(last_success_ms) FROM credentials), 0)) AS newestMs`,
      ).get() as { newestMs: number },
  );
  if (newestMs <= nowMs + CLOCK_TOLERANCE_MS) return false;
  return database.write(
    (sql) =>
      sql(
        `UPDATE deliverer SET clock_told_ms = @nowMs
         WHERE clock_told_ms IS NULL OR clock_told_ms <= @beforeMs OR clock_told_ms > @nowMs`,
      ).run({ nowMs, beforeMs: nowMs - everyMs }).changes === 1,
  );
}

export function clockSeen(database: Transactions): Promise<ClockSeen> {
  return database.read(
    (sql) => sql('SELECT clock_seen_ms AS seenMs, doubted_ms AS doubtedMs FROM deliverer').get() as ClockSeen,
  );
}

export function noteClock(database: Transactions, nowMs: number, isDoubted: boolean): Promise<void> {
  return database.write((sql) => {
    sql('UPDATE deliverer SET clock_seen_ms = @nowMs, doubted_ms = iif(@isDoubted, @nowMs, doubted_ms)').run({
      nowMs,
      isDoubted: isDoubted ? 1 : 0,
    });
  }, MAY_BE_LOST);
}
