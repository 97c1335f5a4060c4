import type { Outcome } from '../../outbox/outcome.ts';
import type { ClaimedPush, Settled } from '../../outbox/attempt.ts';
import { blamesDevice, type Settlement } from '../../outbox/settlement.ts';
import type { Sql } from './database.ts';
import { finish, type FinishContext, idsOf } from './finish.ts';

/** Writes down what was decided about attempts, within a transaction. */
export function applyIn(sql: Sql, settled: readonly Settled[], context: FinishContext): void {
  for (const run of runsOf(settled)) {
    if (isDelivered(run[0])) applyDelivered(sql, run, context);
    else apply(sql, run[0], context);
  }
}

type Run = readonly [Settled, ...Settled[]];

/** In their order: delivered ones in a row, to different targets, are written down together; each other one alone. */
function runsOf(settled: readonly Settled[]): Run[] {
  const runs: [Settled, ...Settled[]][] = [];
  const targets = new Set<number>();
  for (const each of settled) {
    const latest = runs.at(-1);
    const { targetId } = each.attempt.push;
    const areDelivered = isDelivered(each) && latest !== undefined && isDelivered(latest[0]);
    if (areDelivered && !targets.has(targetId)) latest.push(each);
    else {
      runs.push([each]);
      targets.clear();
    }
    targets.add(targetId);
  }
  return runs;
}

function isDelivered({ attempt }: Settled): boolean {
  return attempt.outcome.kind === 'delivered';
}

/** A delivered push ends its row, and its target is well. */
function applyDelivered(sql: Sql, run: Run, context: FinishContext): void {
  const pushes = run.map(({ attempt }) => attempt.push);
  sql(
    `UPDATE targets SET last_push_ms = @nowMs, last_success_ms = @nowMs, failures = 0,
       failing_since_ms = NULL, disabled_ms = NULL WHERE id IN (SELECT value FROM json_each(@ids))`,
  ).run({ ids: idsOf(pushes), nowMs: context.nowMs });
  finish(sql, pushes, context);
}

function apply(sql: Sql, { attempt: { push, outcome }, settlement }: Settled, context: FinishContext): void {
  if (settlement.removeTarget) {
    // Unless the device has registered again while the push was under way.
    sql('DELETE FROM targets WHERE id = ? AND renewed_ms = ?').run(push.targetId, push.renewedMs);
  }
  recordFailure(sql, push.targetId, settlement, outcome, context.nowMs);
  if (settlement.disableTarget) sql('DELETE FROM outbox WHERE target_id = ?').run(push.targetId);
  else if (settlement.row === 'finished') finish(sql, [push], context);
  else postpone(sql, push, settlement.row, settlement.reason, context);
}

function recordFailure(
  sql: Sql,
  targetId: number,
  { reason = '', disableTarget }: Settlement,
  outcome: Outcome,
  nowMs: number,
): void {
  sql(
    `UPDATE targets SET last_push_ms = @nowMs, last_error = @reason, last_error_ms = @nowMs,
       failures = failures + 1, failing_since_ms =
         iif(@failingMs < failing_since_ms, @failingMs, coalesce(failing_since_ms, @failingMs)),
       disabled_ms = coalesce(disabled_ms, @disabledMs) WHERE id = @targetId`,
  ).run({
    targetId,
    nowMs,
    reason,
    failingMs: blamesDevice(outcome) ? nowMs : null,
    disabledMs: disableTarget ? nowMs : null,
  });
}

function postpone(
  sql: Sql,
  push: ClaimedPush,
  { retryAtMs, hold }: Exclude<Settlement['row'], 'finished'>,
  reason: string | undefined,
  context: FinishContext,
): void {
  sql(
    `UPDATE outbox SET due_ms = @retryAtMs, held_by = @hold, last_reason = @reason, lease_owner = NULL,
       lease_until_ms = NULL
     WHERE target_id = @id AND lease_owner = @owner`,
  ).run({
    id: push.targetId,
    owner: context.owner,
    retryAtMs,
    hold,
    reason: reason ?? null,
  });
}
