import type { Candidate, Ruling, Standing } from '../../targets/precedence.ts';
import { NO_HISTORY, type WholeTarget } from '../../targets/record.ts';
import type { Imported, ImportTerms, TargetKey } from '../targets.ts';
import type { Sql, Transactions } from './database.ts';
import { replaceSubscriptions, subscriptionsIn } from './target-rows.ts';

export function exportTargets(
  database: Transactions,
  after: TargetKey,
  limit: number,
  user?: string,
): Promise<WholeTarget[]> {
  const condition = user === undefined ? '' : 'user = @only AND';
  return database.read((sql) => {
    const rows = sql(
      `SELECT id, user, device_token AS deviceToken, account_id AS accountId, subtopic, aps_version AS apsVersion,
         topic, source, registered_ms AS registeredMs, renewed_ms AS renewedMs, last_push_ms AS lastPushMs,
         last_success_ms AS lastSuccessMs, last_error AS lastError, last_error_ms AS lastErrorMs, failures,
         failing_since_ms AS failingSinceMs, disabled_ms AS disabledMs, expires_ms AS expiresMs
       FROM targets WHERE ${condition} (user, device_token, account_id) > (@user, @deviceToken, @accountId)
       ORDER BY user, device_token, account_id LIMIT @limit`,
    ).all({ ...after, limit, only: user }) as (WholeTarget & { id: number })[];
    return rows.map(({ id, ...target }) => ({ ...target, subscriptions: subscriptionsIn(sql, id) }));
  });
}

export function standingOf(
  database: Transactions,
  users: readonly string[],
): Promise<Map<string, Standing[]>> {
  return database.read((sql) => new Map(users.map((user) => [user, standingIn(sql, user)])));
}

function standingIn(sql: Sql, user: string): Standing[] {
  return sql(
    `SELECT id, device_token AS deviceToken, account_id AS accountId, subtopic, source, registered_ms AS registeredMs,
       renewed_ms AS renewedMs FROM targets WHERE user = ?`,
  ).all(user) as Standing[];
}

export function importTargets(
  database: Transactions,
  candidates: readonly Candidate[],
  { rule, timeMs, clock }: ImportTerms,
): Promise<Imported> {
  return database.write((sql) => {
    const startMs = clock.steadyMs(); // others had it until now
    const rulings: Ruling[] = [];
    for (const candidate of candidates) {
      rulings.push(takeOne(sql, candidate, rule));
      if (clock.steadyMs() - startMs >= timeMs) break;
    }
    return { rulings, tookMs: clock.steadyMs() - startMs };
  });
}

function takeOne(sql: Sql, candidate: Candidate, rule: ImportTerms['rule']): Ruling {
  const ruling = rule(candidate, standingIn(sql, candidate.target.user));
  if (ruling.act === 'taken' || ruling.act === 'renewed') {
    for (const id of ruling.removed) sql('DELETE FROM targets WHERE id = ?').run(id);
    replaceSubscriptions(sql, upsert(sql, candidate, ruling), candidate.target.subscriptions);
  }
  return ruling;
}

/** A file without a history leaves what is known of the target's pushes; a registration begins it anew. */
function upsert(
  sql: Sql,
  { target, history }: Candidate,
  { registeredMs, renewedMs }: { registeredMs: number; renewedMs: number },
): number {
  const row = sql(
    `INSERT INTO targets (user, device_token, account_id, subtopic, aps_version, topic, source, registered_ms,
       renewed_ms, last_push_ms, last_success_ms, last_error, last_error_ms, failures, failing_since_ms, disabled_ms,
       expires_ms)
     VALUES (@user, @deviceToken, @accountId, @subtopic, @apsVersion, @topic, @source, @registeredMs,
       @renewedMs, @lastPushMs, @lastSuccessMs, @lastError, @lastErrorMs, @failures, @failingSinceMs, @disabledMs,
       @expiresMs)
     ON CONFLICT (user, device_token, account_id) DO UPDATE SET
       subtopic = excluded.subtopic, aps_version = excluded.aps_version, topic = excluded.topic,
       source = excluded.source, registered_ms = excluded.registered_ms, renewed_ms = excluded.renewed_ms,
       last_push_ms = iif(@hasHistory, excluded.last_push_ms, last_push_ms),
       last_success_ms = iif(@hasHistory, excluded.last_success_ms, last_success_ms),
       last_error = iif(@hasHistory, excluded.last_error, last_error),
       last_error_ms = iif(@hasHistory, excluded.last_error_ms, last_error_ms),
       failures = excluded.failures, failing_since_ms = excluded.failing_since_ms,
       disabled_ms = excluded.disabled_ms, expires_ms = excluded.expires_ms
     RETURNING id`,
  ).get({
    ...(history ?? NO_HISTORY),
    ...target,
    subscriptions: null,
    expiresMs: target.expiresMs ?? null,
    registeredMs,
    renewedMs,
    hasHistory: history === undefined ? 0 : 1,
  }) as { id: number };
  return row.id;
}
