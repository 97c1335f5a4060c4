import type { Settled } from '../../outbox/attempt.ts';
import { blamesDevice, type Settlement } from '../../outbox/settlement.ts';
import type { Sql } from './database.ts';
import { finish, type FinishContext } from './finish.ts';

/** Writes down what was decided about attempts, within a transaction: a statement for all that are alike. */
export async function applyIn(sql: Sql, settled: readonly Settled[], context: FinishContext): Promise<void> {
  for (const some of ofDistinctTargets(settled)) await applyTogether(sql, some, context);
}

/** In their order: one statement can change a row once only. */
function ofDistinctTargets(settled: readonly Settled[]): Settled[][] {
  const groups: Settled[][] = [];
  let targets = new Set<number>();
  for (const each of settled) {
    const { targetId } = each.attempt.push;
    const latest = groups.at(-1);
    if (latest === undefined || targets.has(targetId)) {
      groups.push([each]);
      targets = new Set();
    } else latest.push(each);
    targets.add(targetId);
  }
  return groups;
}

async function applyTogether(sql: Sql, settled: readonly Settled[], context: FinishContext): Promise<void> {
  const delivered = settled.filter(isDelivered);
  const failed = settled.filter((each) => !isDelivered(each));
  if (delivered.length > 0)
    await sql.change(WELL, { ids: delivered.map(({ attempt }) => attempt.push.targetId), ...context });
  if (failed.length > 0) await applyFailed(sql, failed, context);
  const finished = settled.filter(
    (each) => isDelivered(each) || (each.settlement.row === 'finished' && !each.settlement.disableTarget),
  );
  if (finished.length > 0)
    await finish(
      sql,
      finished.map(({ attempt }) => attempt.push),
      context,
    );
}

function isDelivered({ attempt }: Settled): boolean {
  return attempt.outcome.kind === 'delivered';
}

const WELL = `UPDATE xapplepush.targets SET last_push_ms = @nowMs, last_success_ms = @nowMs, failures = 0,
  failing_since_ms = NULL, disabled_ms = NULL WHERE id = ANY(@ids::bigint[])`;

async function applyFailed(
  sql: Sql,
  failed: readonly Settled[],
  { owner, nowMs }: FinishContext,
): Promise<void> {
  const removed = failed
    .filter(({ settlement }) => settlement.removeTarget)
    .map(({ attempt }) => attempt.push);
  if (removed.length > 0)
    await sql.change(REMOVE, {
      ids: removed.map(({ targetId }) => targetId),
      renewals: removed.map(({ renewedMs }) => renewedMs),
    });
  await sql.change(FAILED, {
    ids: failed.map(({ attempt }) => attempt.push.targetId),
    reasons: failed.map(({ settlement }) => settlement.reason ?? ''),
    blames: failed.map(({ attempt }) => blamesDevice(attempt.outcome)),
    disables: failed.map(({ settlement }) => settlement.disableTarget),
    nowMs,
  });
  const disabled = failed.filter(({ settlement }) => settlement.disableTarget);
  if (disabled.length > 0)
    await sql.change(DROP, { ids: disabled.map(({ attempt }) => attempt.push.targetId) });
  const postponed = failed.flatMap(postponement);
  if (postponed.length > 0)
    await sql.change(POSTPONE, {
      ids: postponed.map(({ id }) => id),
      dues: postponed.map(({ retryAtMs }) => retryAtMs),
      holds: postponed.map(({ hold }) => hold),
      reasons: postponed.map(({ reason }) => reason),
      owner,
    });
}

function postponement({ attempt, settlement: { row, reason, disableTarget } }: Settled): Postponement[] {
  if (row === 'finished' || disableTarget) return [];
  return [{ id: attempt.push.targetId, ...row, reason: reason ?? null }];
}

interface Postponement extends Exclude<Settlement['row'], 'finished'> {
  id: number;
  reason: string | null;
}

/** Unless the device has registered again while the push was under way. */
const REMOVE = `DELETE FROM xapplepush.targets t USING unnest(@ids::bigint[], @renewals::bigint[]) AS g (id, renewed_ms)
  WHERE t.id = g.id AND t.renewed_ms = g.renewed_ms`;

const FAILED = `UPDATE xapplepush.targets t SET last_push_ms = @nowMs, last_error = g.reason, last_error_ms = @nowMs,
    failures = t.failures + 1,
    failing_since_ms = CASE WHEN g.blames THEN least(t.failing_since_ms, @nowMs) ELSE t.failing_since_ms END,
    disabled_ms = coalesce(t.disabled_ms, CASE WHEN g.disables THEN @nowMs END)
  FROM unnest(@ids::bigint[], @reasons::text[], @blames::boolean[], @disables::boolean[])
    AS g (id, reason, blames, disables)
  WHERE t.id = g.id`;

const DROP = 'DELETE FROM xapplepush.outbox WHERE target_id = ANY(@ids::bigint[])';

const POSTPONE = `UPDATE xapplepush.outbox o SET due_ms = g.due_ms, held_by = g.hold, last_reason = g.reason,
    lease_owner = NULL, lease_until_ms = NULL
  FROM unnest(@ids::bigint[], @dues::bigint[], @holds::text[], @reasons::text[]) AS g (id, due_ms, hold, reason)
  WHERE o.target_id = g.id AND o.lease_owner = @owner`;
