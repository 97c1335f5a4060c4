import type { Mailbox } from '../../mailboxes/mailbox.ts';
import type { TargetFilter } from '../../targets/record.ts';
import type { HandledPush, WaitingCount, WaitingFilter, WaitingPush } from '../../outbox/waiting.ts';
import type { Sql, Transactions } from './database.ts';
import { FREE } from '../free.ts';
import { matching } from '../waiting-filter.ts';
import { condition } from './target-rows.ts';

export function waitingIds(database: Transactions, filter: WaitingFilter, limit: number): Promise<number[]> {
  return database.read(
    (sql) =>
      sql(
        `SELECT target_id FROM outbox WHERE ${matching(filter, targetsWith)} ORDER BY enqueued_ms, target_id LIMIT @limit`,
      )
        .pluck()
        .all({ ...filter, limit }) as number[],
  );
}

export function waitingById(database: Transactions, targetIds: readonly number[]): Promise<WaitingPush[]> {
  return database.read((sql) => targetIds.flatMap((id) => pushOf(sql, id)));
}

function pushOf(sql: Sql, targetId: number): WaitingPush[] {
  const rows = sql(
    `SELECT target_id AS targetId, user, device_token AS deviceToken, account_id AS accountId, event,
       enqueued_ms AS enqueuedMs, event_ms AS eventMs, due_ms AS dueMs, attempts, attempted_ms AS attemptedMs,
       held_by AS heldBy, last_reason AS lastReason, lease_owner AS leaseOwner, lease_until_ms AS leaseUntilMs
     FROM outbox JOIN targets ON targets.id = target_id WHERE target_id = ?`,
  ).all(targetId) as Omit<WaitingPush, 'mailboxes'>[];
  const select = sql('SELECT owner, path FROM outbox_mailboxes WHERE target_id = ? ORDER BY owner, path');
  return rows.map((row) => ({ ...row, mailboxes: select.all(targetId) as Mailbox[] }));
}

export function countWaiting(
  database: Transactions,
  filter: WaitingFilter,
  nowMs: number,
): Promise<WaitingCount> {
  return database.read((sql) => count(sql, filter, nowMs));
}

export function retryWaiting(
  database: Transactions,
  filter: WaitingFilter,
  nowMs: number,
): Promise<{ count: WaitingCount; madeDue: HandledPush[] }> {
  return database.write((sql) => {
    const counted = count(sql, filter, nowMs);
    const later = `due_ms > @nowMs AND ${FREE} AND ${matching(filter, targetsWith)}`;
    const madeDue = handled(sql, later, { ...filter, nowMs });
    sql(`UPDATE outbox SET due_ms = @nowMs WHERE ${later}`).run({ ...filter, nowMs });
    return { count: counted, madeDue };
  });
}

export function discardWaiting(
  database: Transactions,
  filter: WaitingFilter,
  nowMs: number,
): Promise<{ discarded: HandledPush[]; sending: number }> {
  return database.write((sql) => {
    const { sending } = count(sql, filter, nowMs);
    const free = `${FREE} AND ${matching(filter, targetsWith)}`;
    const discarded = handled(sql, free, { ...filter, nowMs });
    sql(`DELETE FROM outbox WHERE ${free}`).run({ ...filter, nowMs });
    return { discarded, sending };
  });
}

function handled(sql: Sql, where: string, values: object): HandledPush[] {
  return sql(
    `SELECT target_id AS targetId, user, device_token AS deviceToken, event, last_reason AS lastReason
     FROM outbox JOIN targets ON targets.id = target_id WHERE ${where} ORDER BY user, target_id`,
  ).all(values) as HandledPush[];
}

function count(sql: Sql, filter: WaitingFilter, nowMs: number): WaitingCount {
  return sql(
    `SELECT count(CASE WHEN ${FREE} THEN 1 END) AS free,
       count(CASE WHEN ${FREE} AND held_by = 'device' AND due_ms > @nowMs THEN 1 END) AS askedToWait,
       count(CASE WHEN NOT ${FREE} THEN 1 END) AS sending
     FROM outbox WHERE ${matching(filter, targetsWith)}`,
  ).get({ ...filter, nowMs }) as WaitingCount;
}

function targetsWith(filter: TargetFilter): string {
  return `SELECT id FROM targets WHERE ${condition(filter)}`;
}
