import { MAY_BE_LOST, type Transactions } from './database.ts';

/** In SQL, with @owners in JSON. */
export const OF_OWNERS = 'lease_owner IN (SELECT value FROM json_each(@owners))';

export function leaseOwners(database: Transactions): Promise<string[]> {
  return database.read(
    (sql) =>
      sql('SELECT DISTINCT lease_owner FROM outbox WHERE lease_owner IS NOT NULL').pluck().all() as string[],
  );
}

export function releaseLeases(database: Transactions, owners: readonly string[]): Promise<number> {
  return release(database, owners, 'attempts');
}

export function releaseUnsent(database: Transactions, owner: string): Promise<number> {
  return release(database, [owner], 'attempts - 1');
}

function release(
  database: Transactions,
  owners: readonly string[],
  attempts: 'attempts' | 'attempts - 1',
): Promise<number> {
  return database.write(
    (sql) =>
      sql(
        `UPDATE outbox SET attempts = ${attempts}, lease_owner = NULL, lease_until_ms = NULL
         WHERE ${OF_OWNERS}`,
      ).run({ owners: JSON.stringify(owners) }).changes,
    MAY_BE_LOST,
  );
}
