import type { MetadataChange, MetadataChanged, MetadataEntry, MetadataTerms } from '../metadata.ts';
import type { Sql, Transactions } from './database.ts';

export function metadataValue(
  database: Transactions,
  user: string,
  key: string,
): Promise<Uint8Array | undefined> {
  return database.read(
    (sql) =>
      sql('SELECT value FROM metadata WHERE user = ? AND key = ?').pluck().get(user, key) as
        Uint8Array | undefined,
  );
}

export function metadataUnder(
  database: Transactions,
  user: string,
  prefix: string,
): Promise<MetadataEntry[]> {
  return database.read(
    (sql) =>
      sql(
        `SELECT key, value FROM metadata WHERE user = @user AND key >= @prefix AND substr(key, 1, length(@prefix)) = @prefix
         ORDER BY key`,
      ).all({ user, prefix }) as MetadataEntry[],
  );
}

export function changeMetadata(
  database: Transactions,
  user: string,
  changes: readonly MetadataChange[],
  { nowMs, maxEntries }: MetadataTerms,
): Promise<MetadataChanged> {
  const last = new Map(changes.map(({ key, value }) => [key, value]));
  return database.write((sql) => {
    const growth = [...last].reduce((sum, [key, value]) => sum + growthOf(hasIn(sql, user, key), value), 0);
    if (growth > 0 && countIn(sql, user) + growth > maxEntries) return 'full';
    for (const [key, value] of last) change(sql, user, { key, value }, nowMs);
    return 'changed';
  });
}

function growthOf(isThere: boolean, value: Uint8Array | undefined): number {
  return Number(value !== undefined) - Number(isThere);
}

function hasIn(sql: Sql, user: string, key: string): boolean {
  return sql('SELECT 1 FROM metadata WHERE user = ? AND key = ?').get(user, key) !== undefined;
}

function change(sql: Sql, user: string, { key, value }: MetadataChange, nowMs: number): void {
  if (value === undefined) sql('DELETE FROM metadata WHERE user = ? AND key = ?').run(user, key);
  else
    sql(
      `INSERT INTO metadata (user, key, value, changed_ms) VALUES (?, ?, ?, ?)
       ON CONFLICT (user, key) DO UPDATE SET value = excluded.value, changed_ms = excluded.changed_ms`,
    ).run(user, key, value, nowMs);
}

function countIn(sql: Sql, user: string): number {
  return sql('SELECT count(*) FROM metadata WHERE user = ?').pluck().get(user) as number;
}

export function countMetadata(
  database: Transactions,
): Promise<{ entries: number; users: number; bytes: number }> {
  return database.read(
    (sql) =>
      sql(
        `SELECT count(*) AS entries, count(DISTINCT user) AS users, coalesce(sum(length(value)), 0) AS bytes FROM metadata`,
      ).get() as { entries: number; users: number; bytes: number },
  );
}
