import type { Survey } from '../survey.ts';
import type { Database } from './database.ts';

const TABLES = `pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'xapplepush' AND t.relkind = 'r'`;

export async function survey(database: Database): Promise<Survey> {
  const row = await database.ask((sql) =>
    sql.row<Omit<Survey, 'clockAheadMs'>>(
      `SELECT current_setting('server_version') AS version,
         (SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()) AS encoding,
         coalesce((SELECT (extract(epoch FROM clock_timestamp() - min(xact_start)) * 1000)::bigint
           FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()), 0)
           AS "oldestTransactionMs",
         pg_has_role('pg_read_all_stats', 'USAGE') AS "seesOthers",
         current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
           - (SELECT coalesce(sum(numbackends), 0)::int FROM pg_stat_database) AS "connectionsLeft",
         (SELECT coalesce(sum(pg_total_relation_size(t.oid)), 0)::bigint FROM ${TABLES}) AS bytes,
         ARRAY(SELECT t.relname::text FROM ${TABLES} WHERE NOT (has_table_privilege(t.oid, 'SELECT')
           AND has_table_privilege(t.oid, 'INSERT') AND has_table_privilege(t.oid, 'UPDATE')
           AND has_table_privilege(t.oid, 'DELETE')) ORDER BY t.relname) AS closed,
         has_schema_privilege('xapplepush', 'CREATE') AS "mayChange",
         coalesce((SELECT sum(n_dead_tup) FROM pg_stat_user_tables WHERE schemaname = 'xapplepush'), 0)::bigint
           AS "deadRows",
         current_setting('fsync')::boolean AND current_setting('full_page_writes')::boolean
           AND current_setting('synchronous_commit') <> 'off' AS "isDurable"`,
    ),
  );
  if (row === undefined) throw new Error('expected a row without a table');
  return { ...row, clockAheadMs: database.clockAheadMs() };
}
