import type { NewTarget } from '../../targets/target.ts';
import {
  KEPT_EXPIRED_MS,
  LAST_DAYS_MS,
  MAX_EXPIRED,
  type RegisterRequest,
  type RegisterResult,
} from '../intake.ts';
import type { Database, Sql } from './database.ts';
import { replaceSubscriptions } from './target-rows.ts';
import { lockUser } from './user-lock.ts';

export function register(
  database: Database,
  target: NewTarget,
  { nowMs, atMs = nowMs, maxPerUser }: RegisterRequest,
): Promise<RegisterResult> {
  const times = { nowMs, atMs: Math.min(atMs, nowMs) };
  return database.transact(async (sql) => {
    await lockUser(sql, target.user);
    if (await isOutdated(sql, target, times)) return OUTDATED;
    if (typeof target.expiresMs === 'number') await removeExpired(sql, nowMs);
    const replaced = await sql.change(
      `DELETE FROM xapplepush.targets WHERE user_name = @user AND device_token = @deviceToken
         AND subtopic = @subtopic AND account_id <> @accountId AND expires_ms IS NULL`,
      keysOf(target),
    );
    const { id, created } = await upsert(sql, target, times.atMs);
    const leftOut = await replaceSubscriptions(sql, id, target.subscriptions);
    return {
      ...(leftOut > 0 && { leftOut }),
      created,
      replaced,
      evicted: await evict(sql, target, id, { nowMs, maxPerUser }),
      outdated: false,
    };
  });
}

const OUTDATED: RegisterResult = { created: false, replaced: 0, evicted: 0, outdated: true };

function keysOf({ user, deviceToken, accountId, subtopic }: NewTarget) {
  return { user, deviceToken, accountId, subtopic };
}

/** What another one registers or removes at this moment is passed over. */
async function removeExpired(sql: Sql, nowMs: number): Promise<void> {
  await sql.change(
    `DELETE FROM xapplepush.targets WHERE id IN (SELECT id FROM xapplepush.targets WHERE expires_ms < @beforeMs
       LIMIT @limit FOR UPDATE SKIP LOCKED)`,
    { beforeMs: nowMs - KEPT_EXPIRED_MS, limit: MAX_EXPIRED },
  );
}

/** True where the device has registered since, under this account id or another: it has one of Mail at a time. */
async function isOutdated(
  sql: Sql,
  target: NewTarget,
  times: { nowMs: number; atMs: number },
): Promise<boolean> {
  const newer = await sql.row(
    `SELECT 1 FROM xapplepush.targets WHERE user_name = @user AND device_token = @deviceToken
       AND (account_id = @accountId OR subtopic = @subtopic AND expires_ms IS NULL)
       AND least(renewed_ms, @nowMs) > @atMs`,
    { ...keysOf(target), ...times },
  );
  return newer !== undefined;
}

/** A row that nobody has changed before has no xmax (https://www.postgresql.org/docs/current/ddl-system-columns.html). */
async function upsert(sql: Sql, target: NewTarget, atMs: number): Promise<{ id: number; created: boolean }> {
  const row = await sql.row<{ id: number; created: boolean }>(
    `INSERT INTO xapplepush.targets AS t (user_name, device_token, account_id, subtopic, aps_version, topic, source,
       registered_ms, renewed_ms, expires_ms)
     VALUES (@user, @deviceToken, @accountId, @subtopic, @apsVersion, @topic, @source, @atMs, @atMs, @expiresMs)
     ON CONFLICT (user_name, device_token, account_id) DO UPDATE SET
       subtopic = excluded.subtopic, aps_version = excluded.aps_version,
       topic = coalesce(nullif(excluded.topic, ''), t.topic), -- what was told before stays known
       source = excluded.source, registered_ms = least(t.registered_ms, excluded.registered_ms),
       renewed_ms = excluded.renewed_ms, expires_ms = excluded.expires_ms, failures = 0, failing_since_ms = NULL, disabled_ms = NULL
     RETURNING id, xmax = 0 AS created`,
    { ...target, atMs },
  );
  if (row === undefined) throw new Error('expected a target after an upsert');
  return row;
}

/** Removes the user's oldest targets of the same source and kind: who registers by HTTP must not push out what came by Cyrus. */
function evict(
  sql: Sql,
  { user, source, subtopic }: NewTarget,
  latestId: number,
  { nowMs, maxPerUser }: { nowMs: number; maxPerUser: number },
): Promise<number> {
  return sql.change(
    `DELETE FROM xapplepush.targets WHERE id IN (SELECT id FROM xapplepush.targets
       WHERE user_name = @user AND source = @source AND subtopic = @subtopic
       ORDER BY least(renewed_ms, @nowMs) DESC, id = @latestId DESC, id DESC OFFSET @maxPerUser)`,
    { user, source, subtopic, latestId, nowMs, maxPerUser },
  );
}

export function usualTopic(database: Database, nowMs: number): Promise<string | undefined> {
  return database.ask(async (sql) => {
    const usual = (condition: string): Promise<{ topic: string } | undefined> =>
      sql.row(
        `SELECT topic FROM xapplepush.targets WHERE topic <> '' AND expires_ms IS NULL ${condition} AND renewed_ms >=
           (SELECT max(renewed_ms) FROM xapplepush.targets WHERE topic <> '' AND expires_ms IS NULL ${condition}) - ${LAST_DAYS_MS}
         GROUP BY topic ORDER BY count(*) DESC, count(*) FILTER (WHERE last_success_ms >= renewed_ms) DESC,
           max(renewed_ms) DESC LIMIT 1`,
        { nowMs },
      );
    return ((await usual('AND renewed_ms <= @nowMs')) ?? (await usual('')))?.topic;
  });
}
