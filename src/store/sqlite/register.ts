import type { NewTarget } from '../../targets/target.ts';
import {
  KEPT_EXPIRED_MS,
  LAST_DAYS_MS,
  MAX_EXPIRED,
  type RegisterRequest,
  type RegisterResult,
} from '../intake.ts';
import type { Sql, Transactions } from './database.ts';
import { replaceSubscriptions } from './target-rows.ts';

export function register(
  database: Transactions,
  target: NewTarget,
  { nowMs, atMs = nowMs, maxPerUser }: RegisterRequest,
): Promise<RegisterResult> {
  const times = { nowMs, atMs: Math.min(atMs, nowMs) };
  return database.write((sql) => {
    if (isOutdated(sql, target, times)) return OUTDATED;
    if (typeof target.expiresMs === 'number') removeExpired(sql, nowMs);
    const replaced = sql(
      `DELETE FROM targets WHERE user = ? AND device_token = ? AND subtopic = ? AND account_id <> ?
         AND expires_ms IS NULL`,
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

function removeExpired(sql: Sql, nowMs: number): void {
  sql('DELETE FROM targets WHERE id IN (SELECT id FROM targets WHERE expires_ms < ? LIMIT ?)').run(
    nowMs - KEPT_EXPIRED_MS,
    MAX_EXPIRED,
  );
}

/** True where the device has registered since, under this account id or another: it has one of Mail at a time. */
function isOutdated(
  sql: Sql,
  { user, deviceToken, accountId, subtopic }: NewTarget,
  times: { nowMs: number; atMs: number },
): boolean {
  const newer = sql(
    `SELECT 1 FROM targets WHERE user = @user AND device_token = @deviceToken
       AND (account_id = @accountId OR subtopic = @subtopic AND expires_ms IS NULL) AND min(renewed_ms, @nowMs) > @atMs`,
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
    `INSERT INTO targets (user, device_token, account_id, subtopic, aps_version, topic, source, registered_ms, renewed_ms,
       expires_ms)
     VALUES (@user, @deviceToken, @accountId, @subtopic, @apsVersion, @topic, @source, @atMs, @atMs, @expiresMs)
     ON CONFLICT (user, device_token, account_id) DO UPDATE SET
       subtopic = excluded.subtopic, aps_version = excluded.aps_version,
       topic = coalesce(nullif(excluded.topic, ''), topic), -- what was told before stays known
       source = excluded.source, registered_ms = min(registered_ms, excluded.registered_ms),
       renewed_ms = excluded.renewed_ms, expires_ms = excluded.expires_ms, failures = 0, failing_since_ms = NULL, disabled_ms = NULL
     RETURNING id`,
  ).get({ ...target, subscriptions: null, atMs, expiresMs: target.expiresMs ?? null }) as { id: number };
  return row.id;
}

/** Removes the user's oldest targets of the same source and kind: who registers by HTTP must not push out what came by Cyrus. */
function evict(
  sql: Sql,
  { user, source, subtopic }: NewTarget,
  latestId: number,
  { nowMs, maxPerUser }: { nowMs: number; maxPerUser: number },
): number {
  return sql(
    `DELETE FROM targets WHERE id IN (SELECT id FROM targets WHERE user = @user AND source = @source
         AND subtopic = @subtopic
       ORDER BY min(renewed_ms, @nowMs) DESC, id = @latestId DESC, id DESC LIMIT -1 OFFSET @maxPerUser)`,
  ).run({ user, source, subtopic, latestId, nowMs, maxPerUser }).changes;
}

export async function usualTopic(database: Transactions, nowMs: number): Promise<string | undefined> {
  const row = await database.read(
    (sql) => sql(usualTopicSql('AND renewed_ms <= @nowMs')).get({ nowMs }) ?? sql(usualTopicSql('')).get(),
  );
  return (row as { topic: string } | undefined)?.topic;
}

function usualTopicSql(condition: string): string {
  return `SELECT topic FROM targets WHERE topic <> '' AND expires_ms IS NULL ${condition} AND renewed_ms >=
      (SELECT max(renewed_ms) FROM targets WHERE topic <> '' AND expires_ms IS NULL ${condition}) - ${LAST_DAYS_MS}
    GROUP BY topic ORDER BY count(*) DESC, sum(coalesce(last_success_ms >= renewed_ms, 0)) DESC,
      max(renewed_ms) DESC LIMIT 1`;
}
