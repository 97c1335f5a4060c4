import type { Compaction } from '../store.ts';
import type { Database } from './database.ts';

/** PostgreSQL gives room back by itself (autovacuum): nothing is done, and what the tables take is told. */
export async function compact(database: Database): Promise<Compaction> {
  const row = await database.ask((sql) =>
    sql.row<{ bytes: number }>(
      `SELECT sum(pg_total_relation_size(c.oid))::bigint AS bytes FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'xapplepush' AND c.relkind = 'r'`,
    ),
  );
  const bytes = row?.bytes ?? 0;
  return { bytesBefore: bytes, bytesAfter: bytes, freeBytes: 0 };
}
