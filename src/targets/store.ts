import type { Sql, Store } from '../db.ts';
import type { NewTarget, Subscription } from './target.ts';

/** A target as it stands in the database. Times are milliseconds since the epoch. */
export interface Target extends Omit<NewTarget, 'subscriptions'> {
  id: number;
  registeredMs: number;
  renewedMs: number;
  lastPushMs: number | null;
  lastSuccessMs: number | null;
  lastError: string | null;
  lastErrorMs: number | null;
  failures: number;
  /** The first of these that Apple gave and that is not our own mistake. */
  failingSinceMs: number | null;
  /** No pushes from then on, until it registers again. */
  disabledMs: number | null;
}

export interface RegisterResult {
  /** First registration of this target, not a renewal. */
  created: boolean;
  /** Older account ids of the same device that it replaced. */
  replaced: number;
  /** Least recently renewed targets of the user that had to go. */
  evicted: number;
}

/** Which targets a command means. All conditions hold together; none given means all targets. */
export interface TargetFilter {
  user?: string | undefined;
  /** Beginning of the device token, in either case. */
  tokenPrefix?: string | undefined;
  accountId?: string | undefined;
  topic?: string | undefined;
  renewedBeforeMs?: number | undefined;
  /** Renewed at this time or later. */
  renewedSinceMs?: number | undefined;
  /** None, of whatever user, has been renewed since under `topic`, which must be given. */
  topicUnusedSinceMs?: number | undefined;
  /** Apple's latest answer was no success. */
  failing?: true | undefined;
  disabled?: true | undefined;
  /** Pushes were tried, and Apple took none. */
  neverTaken?: true | undefined;
  /** A topic that phones were told, and that is none of these: a list in JSON. */
  otherTopicThan?: string | undefined;
}

/** Adds or renews a target with its subscriptions, in one transaction. */
export function register(
  store: Store,
  target: NewTarget,
  { nowMs, maxPerUser }: { nowMs: number; maxPerUser: number },
): Promise<RegisterResult> {
  return store.write((sql) => {
    const replaced = sql(
      'DELETE FROM targets WHERE user = ? AND device_token = ? AND subtopic = ? AND account_id <> ?',
    ).run(target.user, target.deviceToken, target.subtopic, target.accountId).changes;
    const created = find(sql, target) === undefined;
    const id = upsert(sql, target, nowMs);
    replaceSubscriptions(sql, id, target.subscriptions);
    return { created, replaced, evicted: evict(sql, target, id, maxPerUser) };
  });
}

function find(sql: Sql, { user, deviceToken, accountId }: NewTarget): unknown {
  return sql('SELECT id FROM targets WHERE user = ? AND device_token = ? AND account_id = ?').get(
    user,
    deviceToken,
    accountId,
  );
}

function upsert(sql: Sql, target: NewTarget, nowMs: number): number {
  const row = sql(
    `INSERT INTO targets (user, device_token, account_id, subtopic, aps_version, topic, source, registered_ms, renewed_ms)
     VALUES (@user, @deviceToken, @accountId, @subtopic, @apsVersion, @topic, @source, @nowMs, @nowMs)
     ON CONFLICT (user, device_token, account_id) DO UPDATE SET
       subtopic = excluded.subtopic, aps_version = excluded.aps_version,
       topic = coalesce(nullif(excluded.topic, ''), topic), -- what was told before stays known
       source = excluded.source, renewed_ms = max(renewed_ms, excluded.renewed_ms), failures = 0,
       failing_since_ms = NULL, disabled_ms = NULL
     RETURNING id`,
  ).get({ ...target, subscriptions: null, nowMs }) as { id: number };
  return row.id;
}

export function replaceSubscriptions(sql: Sql, targetId: number, subscriptions: Subscription[]): void {
  sql('DELETE FROM subscriptions WHERE target_id = ?').run(targetId);
  const insert = sql('INSERT INTO subscriptions (target_id, owner, path, name, hash) VALUES (?, ?, ?, ?, ?)');
  for (const { owner, path, name, hash } of subscriptions)
    insert.run(targetId, owner, path, name, hash ?? null);
}

/** Of the same source only: who may register over HTTP must not push out what registered through Cyrus. */
function evict(sql: Sql, { user, source }: NewTarget, keptId: number, maxPerUser: number): number {
  return sql(
    `DELETE FROM targets WHERE id IN (SELECT id FROM targets WHERE user = ? AND source = ?
       ORDER BY id = ? DESC, renewed_ms DESC, id DESC LIMIT -1 OFFSET ?)`,
  ).run(user, source, keptId, maxPerUser).changes;
}

/** The targets that match, by user and then by latest renewal. */
export function listTargets(store: Store, filter: TargetFilter): Promise<Target[]> {
  return store.read((sql) => {
    const rows = sql(
      `SELECT * FROM targets WHERE ${condition(filter)} ORDER BY user, renewed_ms DESC, id`,
    ).all(filter);
    return (rows as TargetRow[]).map(targetOf);
  });
}

/** The subscriptions of one target, by owner and path. */
export function subscriptionsOf(store: Store, targetId: number): Promise<Subscription[]> {
  return store.read((sql) => {
    const rows = sql(
      'SELECT owner, path, name, hash FROM subscriptions WHERE target_id = ? ORDER BY owner, path',
    );
    return (rows.all(targetId) as (Omit<Subscription, 'hash'> & { hash: string | null })[]).map((row) => ({
      ...row,
      hash: row.hash ?? undefined,
    }));
  });
}

const CONDITIONS: Readonly<Record<keyof TargetFilter, string>> = {
  user: 'user = @user',
  tokenPrefix: 'substr(device_token, 1, length(@tokenPrefix)) = lower(@tokenPrefix)',
  accountId: 'account_id = @accountId',
  topic: 'topic = @topic',
  renewedBeforeMs: 'renewed_ms < @renewedBeforeMs',
  renewedSinceMs: 'renewed_ms >= @renewedSinceMs',
  topicUnusedSinceMs: `NOT EXISTS
    (SELECT 1 FROM targets AS other WHERE other.renewed_ms >= @topicUnusedSinceMs AND other.topic = @topic)`,
  failing: 'failures > 0',
  disabled: 'disabled_ms IS NOT NULL',
  neverTaken: 'last_push_ms IS NOT NULL AND last_success_ms IS NULL',
  otherTopicThan: `topic <> '' AND topic NOT IN (SELECT value FROM json_each(@otherTopicThan))`,
};

/** Only the conditions that are asked for, so that the database can use its indexes. */
export function condition(filter: TargetFilter): string {
  const keys = (Object.keys(CONDITIONS) as (keyof TargetFilter)[]).filter((key) => filter[key] !== undefined);
  return keys.length === 0 ? 'TRUE' : keys.map((key) => CONDITIONS[key]).join(' AND ');
}

export interface TargetRow {
  id: number;
  user: string;
  device_token: string;
  account_id: string;
  subtopic: string;
  aps_version: number;
  topic: string;
  source: Target['source'];
  registered_ms: number;
  renewed_ms: number;
  last_push_ms: number | null;
  last_success_ms: number | null;
  last_error: string | null;
  last_error_ms: number | null;
  failures: number;
  failing_since_ms: number | null;
  disabled_ms: number | null;
}

/** A target from its row. */
export function targetOf(row: TargetRow): Target {
  return {
    id: row.id,
    user: row.user,
    deviceToken: row.device_token,
    accountId: row.account_id,
    subtopic: row.subtopic,
    apsVersion: row.aps_version,
    topic: row.topic,
    source: row.source,
    registeredMs: row.registered_ms,
    renewedMs: row.renewed_ms,
    lastPushMs: row.last_push_ms,
    lastSuccessMs: row.last_success_ms,
    lastError: row.last_error,
    lastErrorMs: row.last_error_ms,
    failures: row.failures,
    failingSinceMs: row.failing_since_ms,
    disabledMs: row.disabled_ms,
  };
}
