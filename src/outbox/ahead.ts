import type { Store } from '../db.ts';
import { CLOCK_TOLERANCE_MS, FREE } from './free.ts';

/** Often enough to be seen, seldom enough to be read. */
const TELL_INTERVAL_MS = 24 * 60 * 60_000;

/** No wait is longer: the configuration takes 24d at most (config/schema.ts), and a back-off is of an hour. */
const LONGEST_WAIT_MS = 24 * 24 * 60 * 60_000;

/**
 * A row that was written later than now was written while the clock was ahead: it is due, whoever has leased it.
 * Gives how many there were.
 */
export async function setRight(store: Store, nowMs: number): Promise<number> {
  const found = await store.read((sql) =>
    sql(`SELECT 1 FROM outbox WHERE ${PUT_OFF} LIMIT 1`).get({ nowMs }),
  );
  if (found === undefined) return 0;
  return store.write(
    (sql) =>
      sql(
        `UPDATE outbox SET due_ms = min(due_ms, @nowMs), event_ms = min(event_ms, @nowMs),
           enqueued_ms = min(enqueued_ms, @nowMs), lease_owner = NULL, lease_until_ms = NULL WHERE ${PUT_OFF}`,
      ).run({ nowMs }).changes,
  );
}

/** The latest attempt is what an instant to come was reckoned from; where there was none, the first event. */
const PUT_OFF = `${FREE} AND (event_ms > @nowMs + ${CLOCK_TOLERANCE_MS}
  OR lease_owner IS NOT NULL AND lease_until_ms > @nowMs
  OR due_ms > @nowMs AND (coalesce(attempted_ms, enqueued_ms) > @nowMs + ${CLOCK_TOLERANCE_MS}
    OR due_ms > @nowMs + ${LONGEST_WAIT_MS}))`;

/** True for one caller a day, while a device has registered in the future or Apple has taken a push there. */
export async function mayTell(store: Store, nowMs: number): Promise<boolean> {
  const { newestMs } = await store.read(
    (sql) =>
      sql(
        `SELECT max(coalesce((SELECT max(renewed_ms) FROM targets), 0),
           coalesce((SELECT max(last_success_ms) FROM credentials), 0)) AS newestMs`,
      ).get() as { newestMs: number },
  );
  if (newestMs <= nowMs + CLOCK_TOLERANCE_MS) return false;
  return store.write(
    (sql) =>
      sql(
        `UPDATE deliverer SET clock_told_ms = @nowMs
         WHERE clock_told_ms IS NULL OR clock_told_ms <= @beforeMs OR clock_told_ms > @nowMs`,
      ).run({ nowMs, beforeMs: nowMs - TELL_INTERVAL_MS }).changes === 1,
  );
}
