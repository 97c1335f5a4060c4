import type { ClaimedPush } from '../../outbox/attempt.ts';
import type { Turn } from '../delivery.ts';
import { FREE } from '../free.ts';
import { isLiving } from '../told.ts';
import type { Sql } from './database.ts';

export type ClaimRequest = Pick<
  Turn,
  'owner' | 'limit' | 'maxMailboxes' | 'nowMs' | 'leaseUntilMs' | 'eventAfterMs'
>;

/**
 * Leases rows that are due to this process and records the attempt that it is about to make. What another one is at is
 * passed over, and not waited for.
 */
export async function claimIn(sql: Sql, request: ClaimRequest): Promise<ClaimedPush[]> {
  const { owner, limit, nowMs, leaseUntilMs, eventAfterMs } = request;
  const rows = await sql.rows<ClaimedMailbox>(claimOf(eventAfterMs === undefined ? DUE : FRESH), {
    ...{ owner, limit, nowMs, leaseUntilMs, eventAfterMs },
  });
  const unwanted = rows.filter(({ path }) => path === null).map(({ targetId }) => targetId);
  if (unwanted.length > 0) await sql.change(DROP_UNWANTED, { unwanted, owner, nowMs });
  return [...pushesOf(rows, request.maxMailboxes).values()];
}

/** The longest due first. */
const DUE = `SELECT target_id FROM xapplepush.outbox WHERE due_ms <= @nowMs AND ${FREE}
  ORDER BY due_ms LIMIT @limit FOR UPDATE SKIP LOCKED`;

/** Past however many that are older, which may have been due for longer. */
const FRESH = `SELECT target_id FROM xapplepush.outbox WHERE event_ms > @eventAfterMs AND due_ms <= @nowMs AND ${FREE}
  ORDER BY event_ms DESC LIMIT @limit FOR UPDATE SKIP LOCKED`;

/** A row for each mailbox that the device wants, and one without a mailbox where it wants none of them any more. */
function claimOf(due: string): string {
  return `WITH due AS MATERIALIZED (${due}),
    leased AS (
      UPDATE xapplepush.outbox o SET attempts = attempts + 1, attempted_ms = @nowMs, lease_owner = @owner,
        lease_until_ms = @leaseUntilMs
      FROM due WHERE o.target_id = due.target_id RETURNING o.*)
    SELECT l.target_id AS "targetId", t.user_name AS "user", t.device_token AS "deviceToken",
      t.account_id AS "accountId", t.topic, t.renewed_ms AS "renewedMs", l.apns_id AS "apnsId", l.event, l.generation,
      l.attempts, l.event_ms AS "eventMs", l.enqueued_ms AS "enqueuedMs", m.owner, m.path, m.hash,
      (m.owner = t.user_name AND m.path = 'INBOX') AS inbox
    FROM leased l JOIN xapplepush.targets t ON t.id = l.target_id
    LEFT JOIN LATERAL (SELECT s.owner, s.path, s.hash, m.generation FROM xapplepush.outbox_mailboxes m
      JOIN xapplepush.subscriptions s USING (target_id, owner, path) WHERE m.target_id = l.target_id
        AND ${isLiving('t')}) m ON TRUE
    ORDER BY l.due_ms, l.target_id, inbox DESC, m.generation`;
}

interface ClaimedMailbox extends Omit<ClaimedPush, 'mailboxes'> {
  owner: string | null;
  path: string | null;
  hash: string | null;
  inbox: boolean | null;
}

/** The pushes by their target, the longest due first. */
function pushesOf(rows: readonly ClaimedMailbox[], maxMailboxes: number): Map<number, ClaimedPush> {
  const pushes = new Map<number, ClaimedPush>();
  for (const { owner, path, hash, inbox, ...row } of rows) {
    if (owner === null || path === null) continue;
    const push = pushes.get(row.targetId) ?? { ...row, mailboxes: [] };
    pushes.set(row.targetId, push);
    if (push.mailboxes.length < maxMailboxes)
      push.mailboxes.push({ owner, path, hash: hash ?? undefined, inbox: inbox === true });
  }
  return pushes;
}

/** A row whose mailboxes the device no longer wants, or that has run out, does not wait any more; by what is there now. */
const DROP_UNWANTED = `DELETE FROM xapplepush.outbox o
  WHERE o.target_id = ANY(@unwanted::bigint[]) AND o.lease_owner = @owner AND NOT EXISTS (
    SELECT 1 FROM xapplepush.outbox_mailboxes m JOIN xapplepush.subscriptions s USING (target_id, owner, path)
    JOIN xapplepush.targets t ON t.id = m.target_id WHERE m.target_id = o.target_id AND ${isLiving('t')})`;
