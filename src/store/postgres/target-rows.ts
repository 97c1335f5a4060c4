import { OF_MAIL } from '../kinds.ts';
import type { TargetFilter } from '../../targets/record.ts';
import type { Subscription } from '../../targets/subscription.ts';
import type { Sql } from './database.ts';
import type { Values } from './statement.ts';

/** In SQL: the columns of a target, by the names of its properties; of `targets` or what stands for it. */
export const COLUMNS = `id, user_name AS "user", device_token AS "deviceToken", account_id AS "accountId", subtopic,
  aps_version AS "apsVersion", topic, source, registered_ms AS "registeredMs", renewed_ms AS "renewedMs",
  last_push_ms AS "lastPushMs", last_success_ms AS "lastSuccessMs", last_error AS "lastError",
  last_error_ms AS "lastErrorMs", failures, failing_since_ms AS "failingSinceMs", disabled_ms AS "disabledMs",
  expires_ms AS "expiresMs"`;

/** Leaves out what no index takes, and gives how many these were. */
export async function replaceSubscriptions(
  sql: Sql,
  targetId: number,
  wanted: readonly Subscription[],
): Promise<number> {
  const subscriptions = wanted.filter(fits);
  await sql.change('DELETE FROM xapplepush.subscriptions WHERE target_id = @targetId', { targetId });
  await sql.change(
    `INSERT INTO xapplepush.subscriptions (target_id, owner, path, name, hash)
     SELECT @targetId::bigint, s.* FROM unnest(@owners::text[], @paths::text[], @names::text[], @hashes::text[]) AS s`,
    {
      targetId,
      owners: subscriptions.map(({ owner }) => owner),
      paths: subscriptions.map(({ path }) => path),
      names: subscriptions.map(({ name }) => name),
      hashes: subscriptions.map(({ hash }) => hash ?? null),
    },
  );
  return wanted.length - subscriptions.length;
}

/**
 * An entry of an index is at most a third of a page (https://www.postgresql.org/docs/current/btree.html), which is 2704
 * bytes, some of them for the target.
 */
const MAX_NAMES_BYTES = 2600;

/** Whether an index takes it. */
export function fits({ owner, path }: Pick<Subscription, 'owner' | 'path'>): boolean {
  return Buffer.byteLength(owner) + Buffer.byteLength(path) <= MAX_NAMES_BYTES;
}

/** By target; each target's by owner and path. */
export async function subscriptionsIn(
  sql: Sql,
  targetIds: readonly number[],
): Promise<Map<number, Subscription[]>> {
  const rows = await sql.rows<{ id: number; owner: string; path: string; name: string; hash: string | null }>(
    `SELECT target_id AS id, owner, path, name, hash FROM xapplepush.subscriptions
     WHERE target_id = ANY(@targetIds::bigint[]) ORDER BY target_id, owner, path`,
    { targetIds },
  );
  const found = new Map<number, Subscription[]>(targetIds.map((id) => [id, []]));
  for (const { id, hash, ...row } of rows) found.get(id)?.push({ ...row, hash: hash ?? undefined });
  return found;
}

const CONDITIONS: Readonly<Record<keyof TargetFilter, string>> = {
  user: 'user_name = @user',
  userPattern: 'user_name LIKE @userLike',
  tokenPrefix: 'starts_with(device_token, lower(@tokenPrefix))',
  accountId: 'account_id = @accountId',
  topic: 'topic = @topic',
  renewedBeforeMs: 'renewed_ms < @renewedBeforeMs',
  renewedSinceMs: 'renewed_ms >= @renewedSinceMs',
  topicUnusedSinceMs: `NOT EXISTS (SELECT 1 FROM xapplepush.targets AS other
    WHERE other.renewed_ms >= @topicUnusedSinceMs AND other.topic = @topic)`,
  expiredBeforeMs: 'expires_ms < @expiredBeforeMs',
  ofMail: OF_MAIL,
  failing: 'failures > 0',
  disabled: 'disabled_ms IS NOT NULL',
  neverTaken: 'last_push_ms IS NOT NULL AND last_success_ms IS NULL',
  otherTopicThan: `topic <> '' AND topic NOT IN (SELECT json_array_elements_text(@otherTopicThan::json))`,
};

/** In SQL: only the conditions that are asked for, so that the database can use its indexes. */
export function condition(filter: TargetFilter): string {
  const keys = (Object.keys(CONDITIONS) as (keyof TargetFilter)[]).filter((key) => filter[key] !== undefined);
  return keys.length === 0 ? 'TRUE' : keys.map((key) => CONDITIONS[key]).join(' AND ');
}

/** The values of these conditions. */
export function valuesOf(filter: TargetFilter): Values {
  return { ...filter, userLike: filter.userPattern === undefined ? null : likeOf(filter.userPattern) };
}

/** `*` stands for any characters, `?` for one; what LIKE has for them stands for itself. */
export function likeOf(pattern: string): string {
  return pattern
    .replaceAll(/[\\%_]/g, '\\$&')
    .replaceAll('*', '%')
    .replaceAll('?', '_');
}
