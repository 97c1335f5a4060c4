import type { MetadataChange, MetadataChanged, MetadataEntry, MetadataTerms } from '../metadata.ts';
import type { Database, Sql } from './database.ts';
import { lockUser } from './user-lock.ts';

export async function metadataValue(
  database: Database,
  user: string,
  key: string,
): Promise<Uint8Array | undefined> {
  const row = await database.ask((sql) =>
    sql.row<{ value: Uint8Array }>(
      'SELECT value FROM xapplepush.metadata WHERE user_name = @user AND key = @key',
      { user, key },
    ),
  );
  return row?.value;
}

export function metadataUnder(database: Database, user: string, prefix: string): Promise<MetadataEntry[]> {
  return database.ask((sql) =>
    sql.rows<MetadataEntry>(
      `SELECT key, value FROM xapplepush.metadata WHERE user_name = @user AND key >= @prefix::text
         AND starts_with(key, @prefix::text) ORDER BY key`,
      { user, prefix },
    ),
  );
}

export function changeMetadata(
  database: Database,
  user: string,
  changes: readonly MetadataChange[],
  { nowMs, maxEntries }: MetadataTerms,
): Promise<MetadataChanged> {
  const last = new Map(changes.map(({ key, value }) => [key, value]));
  const [set, unset] = [true, false].map((isSet) =>
    [...last].filter(([, value]) => (value !== undefined) === isSet),
  ) as [[string, Uint8Array][], [string, undefined][]];
  return database.transact(async (sql) => {
    await lockUser(sql, user);
    const keys = set.map(([key]) => key);
    const gone = unset.map(([key]) => key);
    const { now, then } = await countsOf(sql, user, { keys, gone });
    if (then > now && then > maxEntries) return 'full';
    await sql.change(REMOVE, { user, gone });
    await sql.change(PUT, { user, keys, values: set.map(([, value]) => value), nowMs });
    return 'changed';
  });
}

const REMOVE = 'DELETE FROM xapplepush.metadata WHERE user_name = @user AND key = ANY(@gone::text[])';

const PUT = `INSERT INTO xapplepush.metadata (user_name, key, value, changed_ms)
  SELECT @user, key, value, @nowMs FROM unnest(@keys::text[], @values::bytea[]) AS g (key, value)
  ON CONFLICT (user_name, key) DO UPDATE SET value = excluded.value, changed_ms = excluded.changed_ms`;

/** How many entries the user has, and would have. */
async function countsOf(
  sql: Sql,
  user: string,
  { keys, gone }: { keys: string[]; gone: string[] },
): Promise<{ now: number; then: number }> {
  const row = await sql.row<{ now: number; known: number; going: number }>(
    `SELECT count(*) AS now, count(*) FILTER (WHERE key = ANY(@keys::text[])) AS known,
       count(*) FILTER (WHERE key = ANY(@gone::text[])) AS going
     FROM xapplepush.metadata WHERE user_name = @user`,
    { user, keys, gone },
  );
  const { now = 0, known = 0, going = 0 } = row ?? {};
  return { now, then: now + keys.length - known - going };
}

export async function countMetadata(
  database: Database,
): Promise<{ entries: number; users: number; bytes: number }> {
  const row = await database.ask((sql) =>
    sql.row<{ entries: number; users: number; bytes: number }>(
      `SELECT count(*) AS entries, count(DISTINCT user_name) AS users, coalesce(sum(length(value)), 0)::bigint AS bytes
       FROM xapplepush.metadata`,
    ),
  );
  return row ?? { entries: 0, users: 0, bytes: 0 };
}
