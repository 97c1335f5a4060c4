import { type Database, MAY_BE_LOST } from './database.ts';

export async function leaseOwners(database: Database): Promise<string[]> {
  const rows = await database.ask((sql) =>
    sql.rows<{ owner: string }>(
      'SELECT DISTINCT lease_owner AS owner FROM xapplepush.outbox WHERE lease_owner IS NOT NULL',
    ),
  );
  return rows.map(({ owner }) => owner);
}

export function releaseLeases(database: Database, owners: readonly string[]): Promise<number> {
  return release(database, owners, 'attempts');
}

export function releaseUnsent(database: Database, owner: string): Promise<number> {
  return release(database, [owner], 'attempts - 1');
}

function release(
  database: Database,
  owners: readonly string[],
  attempts: 'attempts' | 'attempts - 1',
): Promise<number> {
  return database.transact(
    (sql) =>
      sql.change(
        `UPDATE xapplepush.outbox SET attempts = ${attempts}, lease_owner = NULL, lease_until_ms = NULL
         WHERE lease_owner = ANY(@owners::text[])`,
        { owners },
      ),
    MAY_BE_LOST,
  );
}
