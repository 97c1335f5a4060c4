import type { Sql, Store } from '../db.ts';
import { replaceSubscriptions } from './store.ts';
import type { NewTarget } from './target.ts';

export interface RegisterResult {
  /** First registration of this target, not a renewal. */
  created: boolean;
  /** Older account ids of the same device that it replaced. */
  replaced: number;
  /** Least recently renewed targets of the user that had to go. */
  evicted: number;
  /** The device has registered since: nothing was changed. */
  outdated: boolean;
}

export interface RegisterRequest {
  nowMs: number;
  /** When the device registered, where that was before: what lay in the spool. One in the future counts as now. */
  atMs?: number | undefined;
  maxPerUser: number;
}

/**
 * Adds or renews a target with its subscriptions, in one transaction. Of two registrations of a device the newer
 * holds, as a whole; of two of the same time the one that comes later.
 */
export function register(
  store: Store,
  target: NewTarget,
  { nowMs, atMs = nowMs, maxPerUser }: RegisterRequest,
): Promise<RegisterResult> {
  const times = { nowMs, atMs: Math.min(atMs, nowMs) };
  return store.write((sql) => {
    if (isOutdated(sql, target, times)) return OUTDATED;
    const replaced = sql(
      'DELETE FROM targets WHERE user = ? AND device_token = ? AND subtopic = ? AND account_id <> ?',
    ).run(target.user, target.deviceToken, target.subtopic, target.accountId).changes;
    const created = find(sql, target) === undefined;
    const id = upsert(sql, target, times.atMs);
    replaceSubscriptions(sql, id, target.subscriptions);
    return {
      created,
      replaced,
      evicted: evict(sql, target, id, { nowMs, maxPerUser }),
      outdated: false,
    };
  });
}

const OUTDATED: RegisterResult = { created: false, replaced: 0, evicted: 0, outdated: true };

/** True where the device has registered since, under this account id or another: it has one at a time. */
function isOutdated(
  sql: Sql,
  { user, deviceToken, accountId, subtopic }: NewTarget,
  times: { nowMs: number; atMs: number },
): boolean {
  const newer = sql(
    `SELECT 1 FROM targets WHERE user = @user AND device_token = @deviceToken
       AND (account_id = @accountId OR subtopic = @subtopic) AND min(renewed_ms, @nowMs) > @atMs`,
  ).get({ user, deviceToken, accountId, subtopic, ...times });
  return newer !== undefined;
}

function find(sql: Sql, { user, deviceToken, accountId }: NewTarget): unknown {
  return sql('SELECT id FROM targets WHERE user = ? AND device_token = ? AND account_id = ?').get(
    user,
    deviceToken,
    accountId,
  );
}

function upsert(sql: Sql, target: NewTarget, atMs: number): number {
  const row = sql(
    `INSERT INTO targets (user, device_token, account_id, subtopic, aps_version, topic, source, registered_ms, renewed_ms)
     VALUES (@user, @deviceToken, @accountId, @subtopic, @apsVersion, @topic, @source, @atMs, @atMs)
     ON CONFLICT (user, device_token, account_id) DO UPDATE SET
       subtopic = excluded.subtopic, aps_version = excluded.aps_version,
       topic = coalesce(nullif(excluded.topic, ''), topic), -- what was told before stays known
       source = excluded.source, registered_ms = min(registered_ms, excluded.registered_ms),
       renewed_ms = excluded.renewed_ms, failures = 0, failing_since_ms = NULL, disabled_ms = NULL
     RETURNING id`,
  ).get({ ...target, subscriptions: null, atMs }) as { id: number };
  return row.id;
}

/** Of the same source only: who may register over HTTP must not push out what registered through Cyrus. */
function evict(
  sql: Sql,
  { user, source }: NewTarget,
  latestId: number,
  { nowMs, maxPerUser }: { nowMs: number; maxPerUser: number },
): number {
  return sql(
    `DELETE FROM targets WHERE id IN (SELECT id FROM targets WHERE user = @user AND source = @source
       ORDER BY min(renewed_ms, @nowMs) DESC, id = @latestId DESC, id DESC LIMIT -1 OFFSET @maxPerUser)`,
  ).run({ user, source, latestId, nowMs, maxPerUser }).changes;
}
