import { OF_MAIL } from '../kinds.ts';
import type { Target, TargetFilter } from '../../targets/record.ts';
import type { Subscription } from '../../targets/subscription.ts';
import type { Sql } from './database.ts';

export function replaceSubscriptions(sql: Sql, targetId: number, subscriptions: Subscription[]): void {
  sql('DELETE FROM subscriptions WHERE target_id = ?').run(targetId);
  const insert = sql('INSERT INTO subscriptions (target_id, owner, path, name, hash) VALUES (?, ?, ?, ?, ?)');
  for (const { owner, path, name, hash } of subscriptions)
    insert.run(targetId, owner, path, name, hash ?? null);
}

/** The subscriptions of one target, by owner and path. */
export function subscriptionsIn(sql: Sql, targetId: number): Subscription[] {
  const rows = sql(
    'SELECT owner, path, name, hash FROM subscriptions WHERE target_id = ? ORDER BY owner, path',
  ).all(targetId) as (Omit<Subscription, 'hash'> & { hash: string | null })[];
  return rows.map((row) => ({ ...row, hash: row.hash ?? undefined }));
}

/** In SQL: that a user is one of @userPattern. */
export const USER_MATCHES = "user GLOB replace(@userPattern, '[', '[[]')";

const CONDITIONS: Readonly<Record<keyof TargetFilter, string>> = {
  user: 'user = @user',
  userPattern: USER_MATCHES,
  tokenPrefix: 'substr(device_token, 1, length(@tokenPrefix)) = lower(@tokenPrefix)',
  accountId: 'account_id = @accountId',
  topic: 'topic = @topic',
  renewedBeforeMs: 'renewed_ms < @renewedBeforeMs',
  renewedSinceMs: 'renewed_ms >= @renewedSinceMs',
  topicUnusedSinceMs: `NOT EXISTS
    (SELECT 1 FROM targets AS other WHERE other.renewed_ms >= @topicUnusedSinceMs AND other.topic = @topic)`,
  expiredBeforeMs: 'expires_ms < @expiredBeforeMs',
  ofMail: OF_MAIL,
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
  expires_ms: number | null;
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
    expiresMs: row.expires_ms,
  };
}
