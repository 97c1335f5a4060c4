import type { Sql } from './database.ts';

/**
 * Until the transaction ends nobody else registers devices of that user: what one may have is counted over all hosts.
 * The lock is a number, which users may share.
 */
export async function lockUser(sql: Sql, user: string): Promise<void> {
  await sql.change(`SELECT pg_advisory_xact_lock(hashtextextended('xapplepush ' || @user::text, 0))`, {
    user,
  });
}
