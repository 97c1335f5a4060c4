import type { Mailbox } from '../../mailboxes/mailbox.ts';
import type { TargetFilter } from '../../targets/record.ts';
import type { HandledPush, WaitingCount, WaitingFilter, WaitingPush } from '../../outbox/waiting.ts';
import { FREE } from '../free.ts';
import type { Database, Sql } from './database.ts';
import { NEWS } from './news.ts';
import type { Values } from './statement.ts';
import { matching } from '../waiting-filter.ts';
import { condition, valuesOf } from './target-rows.ts';

export async function waitingIds(
  database: Database,
  filter: WaitingFilter,
  limit: number,
): Promise<number[]> {
  const rows = await database.ask((sql) =>
    sql.rows<{ id: number }>(
      `SELECT target_id AS id FROM xapplepush.outbox WHERE ${matching(filter, targetsWith)}
       ORDER BY enqueued_ms, target_id LIMIT @limit`,
      { ...valuesIn(filter), limit: limit < 0 ? null : limit },
    ),
  );
  return rows.map(({ id }) => id);
}

export async function waitingById(database: Database, targetIds: readonly number[]): Promise<WaitingPush[]> {
  const rows = await database.ask((sql) =>
    sql.rows<WaitingPush>(
      `SELECT target_id AS "targetId", user_name AS "user", device_token AS "deviceToken",
         account_id AS "accountId", event, enqueued_ms AS "enqueuedMs", event_ms AS "eventMs", due_ms AS "dueMs",
         attempts, attempted_ms AS "attemptedMs", held_by AS "heldBy", last_reason AS "lastReason",
         lease_owner AS "leaseOwner", lease_until_ms AS "leaseUntilMs",
         (SELECT coalesce(json_agg(json_build_object('owner', owner, 'path', path) ORDER BY owner, path), '[]')
          FROM xapplepush.outbox_mailboxes m WHERE m.target_id = o.target_id) AS mailboxes
       FROM unnest(@targetIds::bigint[]) WITH ORDINALITY AS w (id, place)
       JOIN xapplepush.outbox o ON o.target_id = w.id JOIN xapplepush.targets t ON t.id = o.target_id ORDER BY place`,
      { targetIds },
    ),
  );
  return rows.map((row) => ({ ...row, mailboxes: row.mailboxes satisfies Mailbox[] }));
}

export function countWaiting(
  database: Database,
  filter: WaitingFilter,
  nowMs: number,
): Promise<WaitingCount> {
  return database.ask((sql) => count(sql, filter, nowMs));
}

export function retryWaiting(
  database: Database,
  filter: WaitingFilter,
  nowMs: number,
): Promise<{ count: WaitingCount; madeDue: HandledPush[] }> {
  return database.transact(async (sql) => {
    const counted = await count(sql, filter, nowMs);
    const changed = `UPDATE xapplepush.outbox SET due_ms = @nowMs
      WHERE due_ms > @nowMs AND ${FREE} AND ${matching(filter, targetsWith)}`;
    const madeDue = await handled(sql, changed, { ...valuesIn(filter), nowMs });
    if (madeDue.length > 0) await sql.change(`SELECT ${NEWS}`);
    return { count: counted, madeDue };
  });
}

export function discardWaiting(
  database: Database,
  filter: WaitingFilter,
  nowMs: number,
): Promise<{ discarded: HandledPush[]; sending: number }> {
  return database.transact(async (sql) => {
    const { sending } = await count(sql, filter, nowMs);
    const removed = `DELETE FROM xapplepush.outbox WHERE ${FREE} AND ${matching(filter, targetsWith)}`;
    return { discarded: await handled(sql, removed, { ...valuesIn(filter), nowMs }), sending };
  });
}

/** What the statement does to rows of the outbox, told by user. */
function handled(sql: Sql, change: string, values: Values): Promise<HandledPush[]> {
  return sql.rows(
    `WITH done AS (${change} RETURNING target_id, event, last_reason)
     SELECT target_id AS "targetId", user_name AS "user", device_token AS "deviceToken", event,
       last_reason AS "lastReason"
     FROM done JOIN xapplepush.targets ON id = target_id ORDER BY user_name, target_id`,
    values,
  );
}

async function count(sql: Sql, filter: WaitingFilter, nowMs: number): Promise<WaitingCount> {
  const row = await sql.row<WaitingCount>(
    `SELECT count(*) FILTER (WHERE ${FREE}) AS free,
       count(*) FILTER (WHERE ${FREE} AND held_by = 'device' AND due_ms > @nowMs) AS "askedToWait",
       count(*) FILTER (WHERE NOT ${FREE}) AS sending
     FROM xapplepush.outbox WHERE ${matching(filter, targetsWith)}`,
    { ...valuesIn(filter), nowMs },
  );
  return row ?? { free: 0, askedToWait: 0, sending: 0 };
}

function valuesIn({ heldBy, enqueuedUntilMs, ...ofTarget }: WaitingFilter): Values {
  return { ...valuesOf(ofTarget), heldBy, enqueuedUntilMs };
}

function targetsWith(filter: TargetFilter): string {
  return `SELECT id FROM xapplepush.targets WHERE ${condition(filter)}`;
}
