import type { Survey } from '../survey.ts';
import type { Database } from './database.ts';

export async function survey(database: Database): Promise<Survey> {
  const row = await database.ask((sql) =>
    sql.row<Omit<Survey, 'clockAheadMs'>>(
      `SELECT current_setting('server_version') AS version,
         (SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()) AS encoding,
         coalesce((SELECT (extract(epoch FROM clock_timestamp() - min(xact_start)) * 1000)::bigint
           FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()), 0)
           AS "oldestTransactionMs",
         coalesce((SELECT sum(n_dead_tup) FROM pg_stat_user_tables WHERE schemaname = 'xapplepush'), 0)::bigint
           AS "deadRows",
         current_setting('fsync')::boolean AND current_setting('full_page_writes')::boolean
           AND current_setting('synchronous_commit') <> 'off' AS "isDurable"`,
    ),
  );
  if (row === undefined) throw new Error('expected a row without a table');
  return { ...row, clockAheadMs: database.clockAheadMs() };
}
