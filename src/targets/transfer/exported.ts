import type { Sql, Store } from '../../db.ts';
import type { Subscription } from '../target.ts';
import type { ExportedTarget } from './claim.ts';

/** Targets that are read at once: few enough for the memory, though each may have thousands of mailboxes. */
const PAGE = 100;

type Key = Pick<ExportedTarget, 'user' | 'deviceToken' | 'accountId'>;

/**
 * All targets, or those of one user, by user, token and account id, some at a time. Each page is a transaction of
 * its own, so that a slow reader does not hold the database up; what changes meanwhile may be in it or not.
 */
export async function* exportedTargets(store: Store, user?: string): AsyncGenerator<ExportedTarget[]> {
  let after: Key = { user: '', deviceToken: '', accountId: '' };
  for (;;) {
    const page = await store.read((sql) => pageAfter(sql, after, user));
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    after = last;
  }
}

function pageAfter(
  sql: Sql,
  { user, deviceToken, accountId }: Key,
  only: string | undefined,
): ExportedTarget[] {
  const condition = only === undefined ? '' : 'user = @only AND';
  const rows = sql(
    `SELECT id, user, device_token AS deviceToken, account_id AS accountId, subtopic, aps_version AS apsVersion,
       topic, source, registered_ms AS registeredMs, renewed_ms AS renewedMs, last_push_ms AS lastPushMs,
       last_success_ms AS lastSuccessMs, last_error AS lastError, last_error_ms AS lastErrorMs, failures,
       failing_since_ms AS failingSinceMs, disabled_ms AS disabledMs
     FROM targets WHERE ${condition} (user, device_token, account_id) > (@user, @deviceToken, @accountId)
     ORDER BY user, device_token, account_id LIMIT @limit`,
  ).all({ user, deviceToken, accountId, limit: PAGE, only }) as (ExportedTarget & { id: number })[];
  return rows.map(({ id, ...target }) => ({ ...target, subscriptions: subscriptionsIn(sql, id) }));
}

function subscriptionsIn(sql: Sql, targetId: number): Subscription[] {
  const rows = sql(
    'SELECT owner, path, name, hash FROM subscriptions WHERE target_id = ? ORDER BY owner, path',
  ).all(targetId) as (Omit<Subscription, 'hash'> & { hash: string | null })[];
  return rows.map((row) => ({ ...row, hash: row.hash ?? undefined }));
}
