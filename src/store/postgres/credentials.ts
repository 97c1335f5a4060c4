import type { IssuedToken } from '../../apns/provider-token.ts';
import type { Attempt } from '../../outbox/attempt.ts';
import type { CredentialRecord } from '../../outbox/settlement.ts';
import { counted, NO_RECORD } from '../../outbox/settling.ts';
import type { TokenTerms } from '../delivery.ts';
import type { Database, Sql } from './database.ts';

/** What credentials have achieved at one server. */
export async function recordsIn(
  sql: Sql,
  fingerprints: readonly string[],
  server: string,
): Promise<Map<string, CredentialRecord>> {
  const rows = await sql.rows<CredentialRecord & { fingerprint: string }>(
    `SELECT fingerprint, successes, bad_tokens AS "badTokens", gone, last_success_ms AS "lastSuccessMs"
     FROM xapplepush.credentials WHERE fingerprint = ANY(@fingerprints::text[]) AND server = @server`,
    { fingerprints, server },
  );
  const found = new Map<string, CredentialRecord>(fingerprints.map((each) => [each, NO_RECORD]));
  for (const { fingerprint, ...record } of rows) found.set(fingerprint, record);
  return found;
}

/** Adds these attempts to what their credentials have achieved; where none was used, that is not kept. */
export async function countIn(
  sql: Sql,
  attempts: readonly Attempt[],
  { server, nowMs }: { server: string; nowMs: number },
): Promise<void> {
  const added = new Map<string, CredentialRecord>();
  for (const { fingerprint, outcome } of attempts)
    if (fingerprint !== undefined)
      added.set(fingerprint, counted(added.get(fingerprint) ?? NO_RECORD, outcome, nowMs));
  // All hosts change the same few rows: in one order.
  for (const [fingerprint, record] of [...added].sort(([a], [b]) => (a < b ? -1 : 1)))
    await sql.change(ADD, { ...record, fingerprint, server });
}

/** A success among them ends the count of those that came before it. */
const ADD = `INSERT INTO xapplepush.credentials AS c (fingerprint, server, successes, bad_tokens, gone, last_success_ms)
  VALUES (@fingerprint, @server, @successes, @badTokens, @gone, @lastSuccessMs)
  ON CONFLICT (fingerprint, server) DO UPDATE SET successes = c.successes + excluded.successes,
    bad_tokens = CASE WHEN excluded.successes > 0 THEN 0 ELSE c.bad_tokens END + excluded.bad_tokens,
    gone = CASE WHEN excluded.successes > 0 THEN 0 ELSE c.gone END + excluded.gone,
    last_success_ms = coalesce(excluded.last_success_ms, c.last_success_ms)`;

export async function mayWarn(
  database: Database,
  { fingerprint, server }: { fingerprint: string; server: string },
  nowMs: number,
  everyMs: number,
): Promise<boolean> {
  const changed = await database.ask((sql) =>
    sql.change(
      `INSERT INTO xapplepush.credentials AS c (fingerprint, server, warned_ms) VALUES (@fingerprint, @server, @nowMs)
       ON CONFLICT (fingerprint, server) DO UPDATE SET warned_ms = excluded.warned_ms
         WHERE c.warned_ms IS NULL OR c.warned_ms <= @beforeMs OR c.warned_ms > @nowMs`,
      { fingerprint, server, nowMs, beforeMs: nowMs - everyMs },
    ),
  );
  return changed === 1;
}

export function providerToken(database: Database, fingerprint: string): Promise<IssuedToken | undefined> {
  return database.ask((sql) => tokenIn(sql, fingerprint));
}

/** Another host may have made one in between: they do it one after the other. */
export function replaceProviderToken(
  database: Database,
  fingerprint: string,
  { keep, issue }: TokenTerms,
): Promise<IssuedToken> {
  return database.transact(async (sql) => {
    await sql.change(
      `SELECT pg_advisory_xact_lock(hashtextextended('xapplepush token ' || @fingerprint::text, 0))`,
      {
        fingerprint,
      },
    );
    const known = await tokenIn(sql, fingerprint);
    if (known !== undefined && keep(known)) return known;
    const token = issue();
    await sql.change(
      `INSERT INTO xapplepush.provider_tokens (fingerprint, jwt, issued_ms) VALUES (@fingerprint, @jwt, @issuedMs)
       ON CONFLICT (fingerprint) DO UPDATE SET jwt = excluded.jwt, issued_ms = excluded.issued_ms`,
      { ...token, fingerprint },
    );
    return token;
  });
}

function tokenIn(sql: Sql, fingerprint: string): Promise<IssuedToken | undefined> {
  return sql.row(
    'SELECT jwt, issued_ms AS "issuedMs" FROM xapplepush.provider_tokens WHERE fingerprint = @fingerprint',
    { fingerprint },
  );
}
