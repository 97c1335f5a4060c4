import { StoreError } from '../errors.ts';
import type { Compaction } from '../store.ts';
import type { Database, Sql } from './database.ts';

/** PostgreSQL gives room back by itself (autovacuum): owners without devices go, and what the tables take is told. */
export async function compact(
  database: Database,
  registrationsWaitMs = REGISTRATIONS_WAIT_MS,
): Promise<Compaction> {
  const areOwnersLeft = await forgetOwners(database, registrationsWaitMs);
  const row = await database.ask((sql) =>
    sql.row<{ bytes: number }>(
      `SELECT sum(pg_total_relation_size(c.oid))::bigint AS bytes FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'xapplepush' AND c.relkind = 'r'`,
    ),
  );
  const bytes = row?.bytes ?? 0;
  return {
    bytesBefore: bytes,
    bytesAfter: bytes,
    freeBytes: 0,
    ...(areOwnersLeft && { areOwnersLeft: true as const }),
  };
}

/** Whether some are left for the next time: registrations under way have kept them. */
async function forgetOwners(database: Database, waitMs: number): Promise<boolean> {
  const found = await database.ask((sql) =>
    sql.rows<{ owner: string }>(
      `SELECT owner FROM xapplepush.owners o WHERE ${UNWANTED} LIMIT ${MOST_AT_ONCE}`,
    ),
  );
  if (found.length === 0) return false;
  try {
    await database.transact((sql) =>
      forget(
        sql,
        found.map(({ owner }) => owner),
        waitMs,
      ),
    );
    return false;
  } catch (error) {
    if (error instanceof StoreError && error.busy) return true;
    throw error;
  }
}

/** Registrations wait meanwhile; what is left goes the next time. */
const MOST_AT_ONCE = 50_000;

const UNWANTED = 'NOT EXISTS (SELECT 1 FROM xapplepush.subscriptions s WHERE s.owner = o.owner)';

/**
 * While nobody registers a device: who does so has found the owner there, and does not hold it. The edition is another
 * one then: where a failover or a backup brings them back, no host may think that it knows all there are.
 */
async function forget(sql: Sql, owners: readonly string[], waitMs: number): Promise<void> {
  await sql.change(`SET LOCAL lock_timeout = ${waitMs}`);
  await sql.change('LOCK TABLE xapplepush.subscriptions IN SHARE ROW EXCLUSIVE MODE');
  const forgotten = await sql.change(
    `DELETE FROM xapplepush.owners o WHERE owner = ANY(@owners::text[]) AND ${UNWANTED}`,
    { owners },
  );
  if (forgotten > 0) await sql.change('UPDATE xapplepush.owners_edition SET edition = gen_random_uuid()');
}

/** They wait behind it while it waits for one under way: longer than the server looks for deadlocks, which takes 1 s. */
const REGISTRATIONS_WAIT_MS = 3000;
