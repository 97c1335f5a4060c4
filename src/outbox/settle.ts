import type { Outcome } from '../apns/push.ts';
import type { Sql, Store } from '../db.ts';
import type { ClaimedPush } from './outbox.ts';
import { blamesDevice, type CredentialRecord, type Settlement, settlementOf } from './settlement.ts';

/** An attempt that has ended. */
export interface Attempt {
  push: ClaimedPush;
  outcome: Outcome;
  /** The server is known not to have processed it. */
  unprocessed: boolean;
  /** Of the credential that was used; undefined where none was. */
  fingerprint: string | undefined;
}

export interface SettleContext {
  owner: string;
  nowMs: number;
  giveUpMs: number;
  random: () => number;
  newApnsId: () => string;
  /** At least this long between two pushes to one target. */
  throttleMs: number;
  /** A target that has failed for so long gets no more pushes until it registers again. */
  disableAfterMs: number;
  /** Where the pushes went: what a credential has achieved is kept for each server. */
  server: string;
}

/** Writes down how attempts ended, all in one transaction; gives what was decided for each. */
export function settle(
  store: Store,
  attempts: readonly Attempt[],
  context: SettleContext,
): Promise<Settlement[]> {
  return store.write((sql) => settleIn(sql, attempts, context));
}

/** The same within a transaction that does more. */
export function settleIn(sql: Sql, attempts: readonly Attempt[], context: SettleContext): Settlement[] {
  const records = new Map<string, CredentialRecord>();
  const settlements = attempts.map((attempt) => {
    const { unprocessed, push, outcome, fingerprint = '' } = attempt;
    const credential = records.get(fingerprint) ?? credentialRecord(sql, fingerprint, context.server);
    records.set(fingerprint, credential);
    const { nowMs, giveUpMs, disableAfterMs, random } = context;
    const failingSinceMs = blamesDevice(outcome) ? failingSince(sql, push.targetId) : null;
    const rules = {
      nowMs,
      giveUpMs,
      disableAfterMs,
      random: random(),
      credential,
      unprocessed,
      failingSinceMs,
    };
    const settlement = settlementOf(push, outcome, rules);
    count(credential, outcome, context.nowMs);
    apply(sql, attempt, settlement, context);
    return settlement;
  });
  for (const [fingerprint, record] of records) saveCredential(sql, fingerprint, record, context.server);
  return settlements;
}

function credentialRecord(sql: Sql, fingerprint: string, server: string): CredentialRecord {
  const row = sql(
    `SELECT successes, bad_tokens AS badTokens, last_success_ms AS lastSuccessMs
     FROM credentials WHERE fingerprint = ? AND server = ?`,
  ).get(fingerprint, server) as CredentialRecord | undefined;
  return row ?? { successes: 0, badTokens: 0, lastSuccessMs: null };
}

function failingSince(sql: Sql, targetId: number): number | null {
  const row = sql('SELECT failing_since_ms AS ms FROM targets WHERE id = ?').get(targetId);
  return (row as { ms: number | null } | undefined)?.ms ?? null;
}

function count(credential: CredentialRecord, outcome: Outcome, nowMs: number): void {
  if (outcome.kind === 'delivered') {
    credential.successes += 1;
    credential.badTokens = 0;
    credential.lastSuccessMs = nowMs;
  } else if (outcome.kind === 'rejected' && outcome.badDeviceToken) {
    credential.badTokens += 1;
  }
}

function saveCredential(sql: Sql, fingerprint: string, record: CredentialRecord, server: string): void {
  if (fingerprint === '') return;
  sql(
    `INSERT INTO credentials (fingerprint, server, successes, bad_tokens, last_success_ms)
     VALUES (@fingerprint, @server, @successes, @badTokens, @lastSuccessMs)
     ON CONFLICT (fingerprint, server) DO UPDATE SET successes = excluded.successes,
       bad_tokens = excluded.bad_tokens, last_success_ms = excluded.last_success_ms`,
  ).run({ ...record, fingerprint, server });
}

function apply(sql: Sql, { push, outcome }: Attempt, settlement: Settlement, context: SettleContext): void {
  if (settlement.removeTarget) {
    // Unless the device has registered again while the push was under way.
    sql('DELETE FROM targets WHERE id = ? AND renewed_ms = ?').run(push.targetId, push.renewedMs);
  }
  recordOnTarget(sql, push.targetId, settlement, outcome, context.nowMs);
  if (settlement.disableTarget) sql('DELETE FROM outbox WHERE target_id = ?').run(push.targetId);
  else if (settlement.row === 'finished') finish(sql, push, context);
  else postpone(sql, push, settlement.row, settlement.reason, context);
}

function recordOnTarget(
  sql: Sql,
  targetId: number,
  { reason = '', disableTarget }: Settlement,
  outcome: Outcome,
  nowMs: number,
): void {
  if (outcome.kind === 'delivered') {
    sql(
      `UPDATE targets SET last_push_ms = @nowMs, last_success_ms = @nowMs, failures = 0,
         failing_since_ms = NULL, disabled_ms = NULL WHERE id = @targetId`,
    ).run({ targetId, nowMs });
    return;
  }
  sql(
    `UPDATE targets SET last_push_ms = @nowMs, last_error = @reason, last_error_ms = @nowMs,
       failures = failures + 1, failing_since_ms = coalesce(failing_since_ms, @failingMs),
       disabled_ms = coalesce(disabled_ms, @disabledMs) WHERE id = @targetId`,
  ).run({
    targetId,
    nowMs,
    reason,
    failingMs: blamesDevice(outcome) ? nowMs : null,
    disabledMs: disableTarget ? nowMs : null,
  });
}

/** Removes the row where the push told all of it, which is nearly always. False where anything else waits. */
function removed(sql: Sql, { targetId, generation, mailboxes }: ClaimedPush, owner: string): boolean {
  return (
    sql(
      `DELETE FROM outbox WHERE target_id = ? AND lease_owner = ? AND generation = ?
         AND (SELECT count(*) FROM outbox_mailboxes m WHERE m.target_id = outbox.target_id) = ?`,
    ).run(targetId, owner, generation, mailboxes.length).changes === 1
  );
}

/** What joined while the push was under way is a push of its own. */
function finish(sql: Sql, push: ClaimedPush, context: SettleContext): void {
  if (removed(sql, push, context.owner)) return;
  const leased = sql('SELECT 1 FROM outbox WHERE target_id = ? AND lease_owner = ?');
  if (leased.get(push.targetId, context.owner) === undefined) return; // whoever took the row over settles it
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

function postpone(
  sql: Sql,
  push: ClaimedPush,
  { retryAtMs, hold }: Exclude<Settlement['row'], 'finished'>,
  reason: string | undefined,
  context: SettleContext,
): void {
  sql(
    `UPDATE outbox SET due_ms = @retryAtMs, held_by = @hold, last_reason = @reason, lease_owner = NULL,
       lease_until_ms = NULL, apns_id = CASE WHEN generation > @generation THEN @apnsId ELSE apns_id END
     WHERE target_id = @id AND lease_owner = @owner`,
  ).run({
    id: push.targetId,
    owner: context.owner,
    retryAtMs,
    hold,
    reason: reason ?? null,
    generation: push.generation,
    apnsId: context.newApnsId(),
  });
}
