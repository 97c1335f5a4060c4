import type { GivenUp } from '../../outbox/waiting.ts';
import { FREE } from '../free.ts';
import { OUTAGE_MS, WOKEN_ATTEMPTS, WOKEN_INTERVAL_MS } from '../waking.ts';
import { type Database, MAY_BE_LOST, type Sql } from './database.ts';

export function wake(database: Database, nowMs: number, limit: number): Promise<number> {
  return database.transact((sql) => wakeIn(sql, nowMs, { limit, all: true }));
}

export function wakeTopics(database: Database, nowMs: number): Promise<number> {
  return database.transact((sql) => wakeTopicIn(sql, nowMs));
}

/** What waited for the topic that Apple takes after all is due now; for any topic where none is named. */
export function wakeTopicIn(sql: Sql, nowMs: number, topic?: string): Promise<number> {
  return sql.change(
    `UPDATE xapplepush.outbox SET due_ms = @nowMs
     WHERE due_ms > @nowMs AND lease_owner IS NULL AND held_by = 'topic'
       AND (@topic::text IS NULL OR (attempts < @attempts OR attempted_ms <= @longAgoMs)
         AND EXISTS (SELECT 1 FROM xapplepush.targets t WHERE t.id = target_id AND t.topic IN (@topic, '')))`,
    { nowMs, attempts: WOKEN_ATTEMPTS, longAgoMs: nowMs - WOKEN_INTERVAL_MS, topic },
  );
}

/**
 * One success shows that Apple can be reached and takes the credential: so many of those that waited for one are due
 * now. Gives how many.
 */
export function wakeIn(
  sql: Sql,
  nowMs: number,
  { limit, all }: { limit: number; all: boolean },
): Promise<number> {
  return sql.change(
    `WITH waking AS MATERIALIZED (SELECT target_id FROM xapplepush.outbox
       WHERE due_ms > @nowMs AND lease_owner IS NULL AND (held_by IN ('credential', 'gone')
         OR held_by IN ('connection', 'apple')
           AND (@all OR attempts < @attempts OR attempted_ms <= @longAgoMs OR attempted_ms > @nowMs))
       LIMIT @limit FOR UPDATE SKIP LOCKED)
     UPDATE xapplepush.outbox o SET due_ms = @nowMs FROM waking WHERE o.target_id = waking.target_id`,
    { nowMs, limit, all, attempts: WOKEN_ATTEMPTS, longAgoMs: nowMs - WOKEN_INTERVAL_MS },
  );
}

/** Whether no push has got through just now; a success in the future is of a clock that was ahead. */
export async function wasAway(sql: Sql, nowMs: number): Promise<boolean> {
  const row = await sql.row<{ ms: number | null }>(
    'SELECT max(last_success_ms) AS ms FROM xapplepush.credentials WHERE last_success_ms <= @nowMs',
    { nowMs },
  );
  const ms = row?.ms ?? null;
  return ms === null || nowMs - ms >= OUTAGE_MS;
}

export function takeUp(database: Database, edition: string, nowMs: number): Promise<number> {
  return database.transact(async (sql) => {
    const changed = await sql.change(
      'UPDATE xapplepush.deliverer SET edition = @edition WHERE edition IS DISTINCT FROM @edition',
      { edition },
    );
    if (changed === 0) return 0;
    return sql.change(
      `UPDATE xapplepush.outbox SET due_ms = @nowMs WHERE due_ms > @nowMs AND lease_owner IS NULL
       AND held_by IN ('connection', 'credential', 'topic')`,
      { nowMs },
    );
  }, MAY_BE_LOST);
}

/** Rows that another host is at are left to it. */
export function giveUp(
  database: Database,
  { eventBeforeMs, nowMs, limit }: { eventBeforeMs: number; nowMs: number; limit: number },
): Promise<GivenUp[]> {
  return database.ask((sql) =>
    sql.rows(
      `WITH old AS MATERIALIZED (
         SELECT target_id FROM xapplepush.outbox
         WHERE event_ms <= @eventBeforeMs AND enqueued_ms <= @eventBeforeMs AND ${FREE}
         ORDER BY event_ms LIMIT @limit FOR UPDATE SKIP LOCKED),
       dropped AS (
         DELETE FROM xapplepush.outbox o USING old WHERE o.target_id = old.target_id
         RETURNING o.target_id, o.event_ms, coalesce(o.last_reason, 'never tried') AS reason)
       SELECT user_name AS "user", device_token AS "deviceToken", reason
       FROM dropped JOIN xapplepush.targets ON id = target_id ORDER BY event_ms`,
      { eventBeforeMs, nowMs, limit },
    ),
  );
}
