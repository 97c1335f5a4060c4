import type { Candidate, Ruling, Standing } from '../../targets/precedence.ts';
import { NO_HISTORY, type Target, type WholeTarget } from '../../targets/record.ts';
import type { Imported, ImportTerms, TargetKey } from '../targets.ts';
import type { Database, Sql } from './database.ts';
import { COLUMNS, replaceSubscriptions, subscriptionsIn } from './target-rows.ts';
import { lockUser } from './user-lock.ts';

export function exportTargets(
  database: Database,
  after: TargetKey,
  limit: number,
  user?: string,
): Promise<WholeTarget[]> {
  const ofUser = user === undefined ? '' : 'user_name = @only AND';
  return database.ask(async (sql) => {
    const rows = await sql.rows<Target>(
      `SELECT ${COLUMNS} FROM xapplepush.targets
       WHERE ${ofUser} (user_name, device_token, account_id) > (@user, @deviceToken, @accountId)
       ORDER BY user_name, device_token, account_id LIMIT @limit`,
      { ...after, limit, only: user },
    );
    const subscriptions = await subscriptionsIn(
      sql,
      rows.map(({ id }) => id),
    );
    return rows.map(({ id, ...target }) => ({ ...target, subscriptions: subscriptions.get(id) ?? [] }));
  });
}

export function standingOf(database: Database, users: readonly string[]): Promise<Map<string, Standing[]>> {
  return database.ask((sql) => standingIn(sql, users));
}

async function standingIn(sql: Sql, users: readonly string[]): Promise<Map<string, Standing[]>> {
  const rows = await sql.rows<Standing & { user: string }>(
    `SELECT id, user_name AS "user", device_token AS "deviceToken", account_id AS "accountId", subtopic, source,
       registered_ms AS "registeredMs", renewed_ms AS "renewedMs"
     FROM xapplepush.targets WHERE user_name = ANY(@users::text[]) ORDER BY id`,
    { users },
  );
  const found = new Map<string, Standing[]>(users.map((user) => [user, []]));
  for (const { user, ...standing } of rows) found.get(user)?.push(standing);
  return found;
}

export function importTargets(
  database: Database,
  candidates: readonly Candidate[],
  { rule, timeMs, clock }: ImportTerms,
): Promise<Imported> {
  return database.transact(async (sql) => {
    const startMs = clock.steadyMs();
    const rulings: Ruling[] = [];
    for (const candidate of candidates) {
      rulings.push(await takeOne(sql, candidate, rule));
      if (clock.steadyMs() - startMs >= timeMs) break;
    }
    return { rulings, tookMs: clock.steadyMs() - startMs };
  });
}

async function takeOne(sql: Sql, candidate: Candidate, rule: ImportTerms['rule']): Promise<Ruling> {
  const { user, subscriptions } = candidate.target;
  await lockUser(sql, user);
  const ruling = rule(candidate, (await standingIn(sql, [user])).get(user) ?? []);
  if (ruling.act === 'taken' || ruling.act === 'renewed') {
    await sql.change('DELETE FROM xapplepush.targets WHERE id = ANY(@removed::bigint[])', {
      removed: ruling.removed,
    });
    await replaceSubscriptions(sql, await upsert(sql, candidate, ruling), subscriptions);
  }
  return ruling;
}

/** A file without a history leaves what is known of the target's pushes; a registration begins it anew. */
async function upsert(
  sql: Sql,
  { target, history }: Candidate,
  { registeredMs, renewedMs }: { registeredMs: number; renewedMs: number },
): Promise<number> {
  const row = await sql.row<{ id: number }>(
    `INSERT INTO xapplepush.targets AS t (user_name, device_token, account_id, subtopic, aps_version, topic, source,
       registered_ms, renewed_ms, last_push_ms, last_success_ms, last_error, last_error_ms, failures,
       failing_since_ms, disabled_ms, expires_ms)
     VALUES (@user, @deviceToken, @accountId, @subtopic, @apsVersion, @topic, @source, @registeredMs,
       @renewedMs, @lastPushMs, @lastSuccessMs, @lastError, @lastErrorMs, @failures, @failingSinceMs, @disabledMs,
       @expiresMs)
     ON CONFLICT (user_name, device_token, account_id) DO UPDATE SET
       subtopic = excluded.subtopic, aps_version = excluded.aps_version, topic = excluded.topic,
       source = excluded.source, registered_ms = excluded.registered_ms, renewed_ms = excluded.renewed_ms,
       last_push_ms = CASE WHEN @hasHistory THEN excluded.last_push_ms ELSE t.last_push_ms END,
       last_success_ms = CASE WHEN @hasHistory THEN excluded.last_success_ms ELSE t.last_success_ms END,
       last_error = CASE WHEN @hasHistory THEN excluded.last_error ELSE t.last_error END,
       last_error_ms = CASE WHEN @hasHistory THEN excluded.last_error_ms ELSE t.last_error_ms END,
       failures = excluded.failures, failing_since_ms = excluded.failing_since_ms,
       disabled_ms = excluded.disabled_ms, expires_ms = excluded.expires_ms
     RETURNING id`,
    { ...(history ?? NO_HISTORY), ...target, registeredMs, renewedMs, hasHistory: history !== undefined },
  );
  if (row === undefined) throw new Error('expected a target after an upsert');
  return row.id;
}
