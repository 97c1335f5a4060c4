import type { Sql, Store } from '../db.ts';
import type { ChangeName } from '../events/mail-event.ts';
import type { Mailbox } from '../mailboxes/mailbox.ts';
import { FREE } from './free.ts';
import type { Hold } from './outbox.ts';

/** Which waiting pushes a person means. All conditions hold together; none given means all. */
export interface WaitingFilter {
  user?: string | undefined;
  /** Beginning of the device token, in either case. */
  tokenPrefix?: string | undefined;
  accountId?: string | undefined;
  heldBy?: Hold | undefined;
  /** In the outbox since then or before, in milliseconds since the epoch. */
  enqueuedUntilMs?: number | undefined;
}

/** A push in the outbox. Times are milliseconds since the epoch. */
export interface WaitingPush {
  targetId: number;
  user: string;
  deviceToken: string;
  accountId: string;
  event: ChangeName;
  mailboxes: Mailbox[];
  /** When its first and its latest event came. */
  enqueuedMs: number;
  eventMs: number;
  dueMs: number;
  attempts: number;
  attemptedMs: number | null;
  heldBy: Hold | null;
  lastReason: string | null;
  /** The process that is sending it, see lease.ts; as long as `leaseUntilMs` is to come. */
  leaseOwner: string | null;
  leaseUntilMs: number | null;
}

/** How many rows are read in one transaction. */
const BATCH = 1000;

/** The oldest `limit` of the pushes that match, in batches; -1: all. What is gone meanwhile is left out. */
export async function* waitingPushes(
  store: Store,
  filter: WaitingFilter,
  limit: number,
): AsyncGenerator<WaitingPush[]> {
  const ids = await store.read(
    (sql) =>
      sql(
        `SELECT target_id AS id FROM outbox WHERE ${matching(filter)} ORDER BY enqueued_ms, target_id LIMIT @limit`,
      ).all({ ...filter, limit }) as { id: number }[],
  );
  for (let start = 0; start < ids.length; start += BATCH)
    yield store.read((sql) => ids.slice(start, start + BATCH).flatMap(({ id }) => pushOf(sql, id)));
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

/** How many pushes match, by what a person can do about them. */
export interface WaitingCount {
  /** Nobody is sending them. */
  free: number;
  /** Of those, how many wait because Apple named a time for their device, which is to come. */
  askedToWait: number;
  /** Under way to Apple: nothing is done to these. */
  sending: number;
}

export function countWaiting(store: Store, filter: WaitingFilter, nowMs: number): Promise<WaitingCount> {
  return store.read((sql) => count(sql, filter, nowMs));
}

/** A push about which a person did something. */
export type HandledPush = Pick<WaitingPush, 'targetId' | 'user' | 'deviceToken' | 'event' | 'lastReason'>;

/**
 * Makes the pushes that match due now, except those being sent. Counts them as they were before; gives those that
 * would have waited, by user.
 */
export function retryWaiting(
  store: Store,
  filter: WaitingFilter,
  nowMs: number,
): Promise<{ count: WaitingCount; madeDue: HandledPush[] }> {
  return store.write((sql) => {
    const counted = count(sql, filter, nowMs);
    const later = `due_ms > @nowMs AND ${FREE} AND ${matching(filter)}`;
    const madeDue = handled(sql, later, { ...filter, nowMs });
    sql(`UPDATE outbox SET due_ms = @nowMs WHERE ${later}`).run({ ...filter, nowMs });
    return { count: counted, madeDue };
  });
}

/** Removes the pushes that match, except those being sent; gives them, by user. The targets stay. */
export function discardWaiting(
  store: Store,
  filter: WaitingFilter,
  nowMs: number,
): Promise<{ discarded: HandledPush[]; sending: number }> {
  return store.write((sql) => {
    const { sending } = count(sql, filter, nowMs);
    const free = `${FREE} AND ${matching(filter)}`;
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
     FROM outbox WHERE ${matching(filter)}`,
  ).get({ ...filter, nowMs }) as WaitingCount;
}

/** Conditions on the target. */
const OF_TARGET = {
  user: 'user = @user',
  tokenPrefix: 'substr(device_token, 1, length(@tokenPrefix)) = lower(@tokenPrefix)',
  accountId: 'account_id = @accountId',
} as const;

/** Conditions on the row itself. */
const OF_ROW = { heldBy: 'held_by = @heldBy', enqueuedUntilMs: 'enqueued_ms <= @enqueuedUntilMs' } as const;

/** Only the conditions that are asked for, so that the database can use its indexes. */
function matching(filter: WaitingFilter): string {
  const asked = (conditions: Partial<Record<keyof WaitingFilter, string>>): string[] =>
    (Object.keys(conditions) as (keyof WaitingFilter)[]).flatMap((key) =>
      filter[key] === undefined ? [] : (conditions[key] ?? []),
    );
  const ofTarget = asked(OF_TARGET);
  const targets = `target_id IN (SELECT id FROM targets WHERE ${ofTarget.join(' AND ')})`;
  const conditions = [...asked(OF_ROW), ...(ofTarget.length > 0 ? [targets] : [])];
  return conditions.length === 0 ? 'TRUE' : conditions.join(' AND ');
}
