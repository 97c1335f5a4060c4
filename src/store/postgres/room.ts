import type { Compaction } from '../store.ts';
import type { Database } from './database.ts';

/** PostgreSQL gives room back by itself (autovacuum): owners without devices go, and what the tables take is told. */
export async function compact(database: Database): Promise<Compaction> {
  await forgetOwners(database);
  const row = await database.ask((sql) =>
    sql.row<{ bytes: number }>(
      `SELECT sum(pg_total_relation_size(c.oid))::bigint AS bytes FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'xapplepush' AND c.relkind = 'r'`,
    ),
  );
  const bytes = row?.bytes ?? 0;
  return { bytesBefore: bytes, bytesAfter: bytes, freeBytes: 0 };
}

/**
 * While nobody registers a device: who does so has found the owner there, and does not hold it. Hosts that know it still
 * ask for it in vain, no more.
 */
async function forgetOwners(database: Database): Promise<void> {
  await database.transact(async (sql) => {
    await sql.change(`SET LOCAL lock_timeout = '${REGISTRATIONS_WAIT_MS}ms'`);
    await sql.change('LOCK TABLE xapplepush.subscriptions IN SHARE ROW EXCLUSIVE MODE');
    await sql.change(`DELETE FROM xapplepush.owners o
      WHERE NOT EXISTS (SELECT 1 FROM xapplepush.subscriptions s WHERE s.owner = o.owner)`);
  });
}

/** Registrations wait behind it while it waits for one that is under way. */
const REGISTRATIONS_WAIT_MS = 1000;
