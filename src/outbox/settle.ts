import type { Outcome } from '../apns/push.ts';
import type { Sql } from '../db.ts';
import { PROBE_INTERVAL_MS } from './backoff.ts';
import { count, type CredentialRecords, recordOf, saveRecords } from './credential-records.ts';
import { finish, type FinishContext, idsOf } from './finish.ts';
import type { ClaimedPush } from './outbox.ts';
import { blamesDevice, holdsAll, type Settlement, settlementOf } from './settlement.ts';

/** An attempt that has ended. */
export interface Attempt {
  push: ClaimedPush;
  outcome: Outcome;
  /** The server is known not to have processed it. */
  unprocessed: boolean;
  /** Of the credential that was used; undefined where none was. */
  fingerprint: string | undefined;
  /** Nobody was asked: the push waits with others, for the reason that Apple gave for them. */
  isHeld?: boolean;
  /** The topic that Apple takes after all: what waited for it is due now. */
  acceptedTopic?: string;
}

export interface SettleContext extends FinishContext {
  giveUpMs: number;
  random: () => number;
  /** A target that has failed for so long gets no more pushes until it registers again. */
  disableAfterMs: number;
  /** Where the pushes went: what a credential has achieved is kept for each server. */
  server: string;
  /** One of the attempts that hold all is to be made again soon: see PROBE_INTERVAL_MS. */
  probes: boolean;
}

/** Writes down how attempts ended, within a transaction; gives what was decided for each. */
export function settleIn(sql: Sql, attempts: readonly Attempt[], context: SettleContext): Settlement[] {
  const records: CredentialRecords = new Map();
  const targets = targetsCounted(sql);
  const probe = context.probes ? attempts.find(({ outcome }) => holdsAll(outcome)) : undefined;
  const settlements = runsOf(attempts).flatMap((run) => {
    const decided = run.map((attempt) => {
      const longestMs = attempt === probe ? PROBE_INTERVAL_MS : Infinity;
      return decide(sql, attempt, records, { ...context, targets, longestMs });
    });
    if (isDelivered(run[0])) applyDelivered(sql, run, context);
    else for (const settlement of decided) apply(sql, run[0], settlement, context);
    return decided;
  });
  saveRecords(sql, records, context.server);
  return settlements;
}

/** Counts them once, and only where it is asked: there may be a million. */
function targetsCounted(sql: Sql): () => number {
  let count: number | undefined;
  return () => (count ??= (sql('SELECT count(*) AS n FROM targets').get() as { n: number }).n);
}

type Run = readonly [Attempt, ...Attempt[]];

/** In their order: delivered ones in a row, to different targets, are written down together; each other one alone. */
function runsOf(attempts: readonly Attempt[]): Run[] {
  const runs: [Attempt, ...Attempt[]][] = [];
  const targets = new Set<number>();
  for (const attempt of attempts) {
    const latest = runs.at(-1);
    const areDelivered = isDelivered(attempt) && latest !== undefined && isDelivered(latest[0]);
    if (areDelivered && !targets.has(attempt.push.targetId)) latest.push(attempt);
    else {
      runs.push([attempt]);
      targets.clear();
    }
    targets.add(attempt.push.targetId);
  }
  return runs;
}

function isDelivered({ outcome }: Attempt): boolean {
  return outcome.kind === 'delivered';
}

interface Further {
  targets: () => number;
  longestMs: number;
}

function decide(
  sql: Sql,
  { push, outcome, unprocessed, fingerprint = '' }: Attempt,
  records: CredentialRecords,
  { nowMs, giveUpMs, disableAfterMs, random, server, targets, longestMs }: SettleContext & Further,
): Settlement {
  const credential = recordOf(sql, records, fingerprint, server);
  const failingSinceMs = blamesDevice(outcome) ? failingSince(sql, push.targetId) : null;
  const rules = {
    nowMs,
    giveUpMs,
    disableAfterMs,
    random: random(),
    credential,
    targets: outcome.kind === 'gone' ? targets() : 0,
    unprocessed,
    failingSinceMs,
    longestMs,
  };
  const settlement = settlementOf(push, outcome, rules);
  count(credential, outcome, nowMs);
  return settlement;
}

function failingSince(sql: Sql, targetId: number): number | null {
  const row = sql('SELECT failing_since_ms AS ms FROM targets WHERE id = ?').get(targetId);
  return (row as { ms: number | null } | undefined)?.ms ?? null;
}

/** A delivered push ends its row, and its target is well. */
function applyDelivered(sql: Sql, attempts: readonly Attempt[], context: SettleContext): void {
  const pushes = attempts.map(({ push }) => push);
  sql(
    `UPDATE targets SET last_push_ms = @nowMs, last_success_ms = @nowMs, failures = 0,
       failing_since_ms = NULL, disabled_ms = NULL WHERE id IN (SELECT value FROM json_each(@ids))`,
  ).run({ ids: idsOf(pushes), nowMs: context.nowMs });
  finish(sql, pushes, context);
}

function apply(sql: Sql, { push, outcome }: Attempt, settlement: Settlement, context: SettleContext): void {
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
  context: SettleContext,
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
