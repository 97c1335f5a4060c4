import type { ChangeName } from '../../events/mail-event.ts';
import type { ClaimedPush } from '../../outbox/attempt.ts';
import type { Turn } from '../delivery.ts';
import type { Sql } from './database.ts';
import { FREE } from '../free.ts';
import { isLiving } from '../told.ts';

export type ClaimRequest = Pick<
  Turn,
  'owner' | 'limit' | 'maxMailboxes' | 'nowMs' | 'leaseUntilMs' | 'eventAfterMs'
>;

/**
 * Leases rows that are due to this process and records the attempt that it is about to make, within a transaction.
 * No other process gets them before the lease ends. A few statements for all rows: each costs more than a row.
 */
export function claimIn(sql: Sql, request: ClaimRequest): ClaimedPush[] {
  const targetIds = lease(sql, request);
  if (targetIds.length === 0) return [];
  const pushes = pushesOf(sql, targetIds, request);
  dropUnwanted(
    sql,
    targetIds.filter((id) => !pushes.has(id)),
  );
  return [...pushes.values()];
}

/** The longest due first, with @nowMs and @limit. */
export const DUE = `SELECT target_id FROM outbox WHERE due_ms <= @nowMs AND ${FREE} ORDER BY due_ms LIMIT @limit`;

/** Past however many that are older, which may have been due for longer. With @eventAfterMs too. */
export const FRESH = `SELECT target_id FROM outbox INDEXED BY outbox_by_event
  WHERE event_ms > @eventAfterMs AND due_ms <= @nowMs AND ${FREE} ORDER BY event_ms DESC LIMIT @limit`;

function lease(sql: Sql, { owner, limit, nowMs, leaseUntilMs, eventAfterMs }: ClaimRequest): number[] {
  const leased = sql(
    `UPDATE outbox SET attempts = attempts + 1, attempted_ms = @nowMs, lease_owner = @owner,
       lease_until_ms = @leaseUntilMs
     WHERE target_id IN (${eventAfterMs === undefined ? DUE : FRESH})
     RETURNING target_id AS id`,
  ).all({ owner, limit, nowMs, leaseUntilMs, ...(eventAfterMs !== undefined && { eventAfterMs }) }) as {
    id: number;
  }[];
  return leased.map(({ id }) => id);
}

/** One mailbox of a push: columns in the order of the query, since objects would cost as much as the query itself. */
type ClaimedMailbox = readonly [
  ...[targetId: number, owner: string, path: string, hash: string | null, inbox: number],
  ...[user: string, deviceToken: string, accountId: string, topic: string, renewedMs: number],
  ...[
    apnsId: string,
    event: ChangeName,
    generation: number,
    attempts: number,
    eventMs: number,
    enqueuedMs: number,
  ],
];

/** The pushes by their target, the longest due first; a target that wants none of the mailboxes any more, or has run out, has none. */
function pushesOf(
  sql: Sql,
  targetIds: readonly number[],
  { maxMailboxes, nowMs }: Pick<ClaimRequest, 'maxMailboxes' | 'nowMs'>,
): Map<number, ClaimedPush> {
  // CROSS JOIN keeps this order: from the few rows to what belongs to them.
  const rows = sql(
    `SELECT o.target_id, m.owner, m.path, s.hash, (s.owner = t.user AND s.path = 'INBOX') AS inbox,
       t.user, t.device_token, t.account_id, t.topic, t.renewed_ms,
       o.apns_id, o.event, o.generation, o.attempts, o.event_ms, o.enqueued_ms
     FROM json_each(@ids) ids CROSS JOIN outbox o ON o.target_id = ids.value
     CROSS JOIN targets t ON t.id = o.target_id AND ${isLiving('t')}
     CROSS JOIN outbox_mailboxes m ON m.target_id = o.target_id
     CROSS JOIN subscriptions s ON s.owner = m.owner AND s.path = m.path AND s.target_id = m.target_id
     ORDER BY o.due_ms, o.target_id, inbox DESC, m.generation`,
  )
    .raw()
    .all({ ids: JSON.stringify(targetIds), nowMs }) as ClaimedMailbox[];
  const pushes = new Map<number, ClaimedPush>();
  for (const row of rows) {
    const [targetId, owner, path, hash, inbox] = row;
    const push = pushes.get(targetId) ?? pushOf(row);
    pushes.set(targetId, push);
    if (push.mailboxes.length < maxMailboxes)
      push.mailboxes.push({ owner, path, hash: hash ?? undefined, inbox: inbox === 1 });
  }
  return pushes;
}

function pushOf(row: ClaimedMailbox): ClaimedPush {
  return {
    targetId: row[0],
    user: row[5],
    deviceToken: row[6],
    accountId: row[7],
    topic: row[8],
    renewedMs: row[9],
    apnsId: row[10],
    event: row[11],
    generation: row[12],
    attempts: row[13],
    eventMs: row[14],
    enqueuedMs: row[15],
    mailboxes: [],
  };
}

/** A row whose mailboxes the device no longer wants does not wait any more. */
function dropUnwanted(sql: Sql, targetIds: readonly number[]): void {
  for (const id of targetIds) sql('DELETE FROM outbox WHERE target_id = ?').run(id);
}
