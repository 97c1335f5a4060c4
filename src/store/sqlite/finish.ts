import type { ClaimedPush } from '../../outbox/attempt.ts';
import type { Turn } from '../delivery.ts';
import type { Sql } from './database.ts';

export type FinishContext = Pick<Turn, 'owner' | 'nowMs' | 'newApnsId' | 'throttleMs'>;

/**
 * Ends the rows of pushes that are over, each of another target. A few statements for all of them: each costs more
 * than a row. A row that another process has taken over is left to it.
 */
export function finish(sql: Sql, pushes: readonly ClaimedPush[], context: FinishContext): void {
  const removed = alike(pushes).reduce((sum, group) => sum + remove(sql, group, context.owner), 0);
  if (removed === pushes.length) return;
  const left = leased(sql, pushes, context.owner);
  for (const push of pushes) if (left.has(push.targetId)) keepRest(sql, push, context);
}

type Group = readonly [ClaimedPush, ...ClaimedPush[]];

/** By what their rows are to be like: nearly all have one mailbox, and nothing has joined before they were claimed. */
function alike(pushes: readonly ClaimedPush[]): Group[] {
  const groups = new Map<string, [ClaimedPush, ...ClaimedPush[]]>();
  for (const push of pushes) {
    const key = `${push.generation} ${push.mailboxes.length}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [push]);
    else group.push(push);
  }
  return [...groups.values()];
}

/** Removes the rows whose push told all that waited, which is nearly always. Gives how many. */
function remove(sql: Sql, group: Group, owner: string): number {
  const { generation, mailboxes } = group[0];
  return sql(
    `DELETE FROM outbox WHERE target_id IN (SELECT value FROM json_each(?)) AND lease_owner = ? AND generation = ?
       AND (SELECT count(*) FROM outbox_mailboxes m WHERE m.target_id = outbox.target_id) = ?`,
  ).run(idsOf(group), owner, generation, mailboxes.length).changes;
}

function leased(sql: Sql, pushes: readonly ClaimedPush[], owner: string): Set<number> {
  const select = sql(
    `SELECT target_id FROM outbox WHERE target_id IN (SELECT value FROM json_each(?)) AND lease_owner = ?`,
  );
  return new Set(select.pluck().all(idsOf(pushes), owner) as number[]);
}

/** What joined while the push was under way is a push of its own. */
function keepRest(sql: Sql, push: ClaimedPush, context: FinishContext): void {
  const remove = sql(
    'DELETE FROM outbox_mailboxes WHERE target_id = ? AND owner = ? AND path = ? AND generation <= ?',
  );
  for (const { owner, path } of push.mailboxes) remove.run(push.targetId, owner, path, push.generation);
  sql(
    `DELETE FROM outbox WHERE target_id = @id
       AND NOT EXISTS (SELECT 1 FROM outbox_mailboxes WHERE target_id = @id)`,
  ).run({ id: push.targetId });
  sql(
    `UPDATE outbox SET apns_id = @apnsId, attempts = 0, enqueued_ms = event_ms, due_ms = @dueMs,
       held_by = NULL, last_reason = NULL, lease_owner = NULL, lease_until_ms = NULL
     WHERE target_id = @id`,
  ).run({ id: push.targetId, apnsId: context.newApnsId(), dueMs: context.nowMs + context.throttleMs });
}

/** For json_each, which makes one parameter of however many ids (https://sqlite.org/json1.html#jeach). */
export function idsOf(pushes: readonly ClaimedPush[]): string {
  return JSON.stringify(pushes.map(({ targetId }) => targetId));
}
