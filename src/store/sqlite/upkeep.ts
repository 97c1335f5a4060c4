import type { GivenUp } from '../../outbox/waiting.ts';
import { MAY_BE_LOST, type Sql, type Transactions } from './database.ts';
import { FREE } from '../free.ts';
import { OUTAGE_MS, WOKEN_ATTEMPTS, WOKEN_INTERVAL_MS } from '../waking.ts';

export function wake(database: Transactions, nowMs: number, limit: number): Promise<number> {
  return database.write((sql) => wakeIn(sql, nowMs, { limit, all: true }));
}

export function wakeTopics(database: Transactions, nowMs: number): Promise<number> {
  return database.write((sql) => wakeTopicIn(sql, nowMs));
}

/** What waited for the topic that Apple takes after all is due now; for any topic where none is named. */
export function wakeTopicIn(sql: Sql, nowMs: number, topic?: string): number {
  return sql(
    `UPDATE outbox SET due_ms = @nowMs
     WHERE due_ms > @nowMs AND lease_owner IS NULL AND held_by = 'topic'
       AND (@topic IS NULL OR (attempts < @attempts OR attempted_ms <= @longAgoMs)
         AND EXISTS (SELECT 1 FROM targets t WHERE t.id = target_id AND t.topic IN (@topic, '')))`,
  ).run({ nowMs, attempts: WOKEN_ATTEMPTS, longAgoMs: nowMs - WOKEN_INTERVAL_MS, topic: topic ?? null })
    .changes;
}

/**
 * One success shows that Apple can be reached and takes the credential: so many of those that waited for one are due
 * now. Gives how many.
 */
export function wakeIn(sql: Sql, nowMs: number, { limit, all }: { limit: number; all: boolean }): number {
  return sql(
    `UPDATE outbox SET due_ms = @nowMs WHERE target_id IN (SELECT target_id FROM outbox
       WHERE due_ms > @nowMs AND lease_owner IS NULL AND (held_by IN ('credential', 'gone')
         OR held_by IN ('connection', 'apple')
           AND (@all OR attempts < @attempts OR attempted_ms <= @longAgoMs OR attempted_ms > @nowMs))
       LIMIT @limit)`,
  ).run({
    ...{ nowMs, limit, all: all ? 1 : 0 },
    ...{ attempts: WOKEN_ATTEMPTS, longAgoMs: nowMs - WOKEN_INTERVAL_MS },
  }).changes;
}

/** Whether no push has got through just now; a success in the future is of a clock that was ahead. */
export function wasAway(sql: Sql, nowMs: number): boolean {
  const { ms } = sql('SELECT max(last_success_ms) AS ms FROM credentials WHERE last_success_ms <= ?').get(
    nowMs,
  ) as { ms: number | null };
  return ms === null || nowMs - ms >= OUTAGE_MS;
}

export async function takeUp(database: Transactions, edition: string, nowMs: number): Promise<number> {
  const isOther = await database.read((sql) =>
    sql('SELECT 1 FROM deliverer WHERE edition IS NOT ?').get(edition),
  );
  if (isOther === undefined) return 0;
  return database.write((sql) => {
    if (
      sql('UPDATE deliverer SET edition = @edition WHERE edition IS NOT @edition').run({ edition })
        .changes === 0
    )
      return 0;
    return sql(
      `UPDATE outbox SET due_ms = @nowMs WHERE due_ms > @nowMs AND lease_owner IS NULL
       AND held_by IN ('connection', 'credential', 'topic')`,
    ).run({ nowMs }).changes;
  }, MAY_BE_LOST);
}

export async function giveUp(
  database: Transactions,
  { eventBeforeMs, nowMs, limit }: { eventBeforeMs: number; nowMs: number; limit: number },
): Promise<GivenUp[]> {
  const old = `event_ms <= @eventBeforeMs AND enqueued_ms <= @eventBeforeMs AND ${FREE}`;
  const values = { eventBeforeMs, nowMs };
  // There hardly ever is one: only then is the write lock taken.
  const found = await database.read((sql) => sql(`SELECT 1 FROM outbox WHERE ${old} LIMIT 1`).get(values));
  if (found === undefined) return [];
  return database.write((sql) => {
    const dropped = sql(
      `SELECT target_id AS id, user, device_token AS deviceToken, coalesce(last_reason, 'never tried') AS reason
       FROM outbox JOIN targets ON targets.id = target_id WHERE ${old} ORDER BY event_ms LIMIT @limit`,
    ).all({ ...values, limit }) as (GivenUp & { id: number })[];
    sql('DELETE FROM outbox WHERE target_id IN (SELECT value FROM json_each(?))').run(
      JSON.stringify(dropped.map(({ id }) => id)),
    );
    return dropped.map(({ user, deviceToken, reason }) => ({ user, deviceToken, reason }));
  });
}
