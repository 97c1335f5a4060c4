import type { IssuedToken } from '../../apns/provider-token.ts';
import type { Attempt } from '../../outbox/attempt.ts';
import type { CredentialRecord } from '../../outbox/settlement.ts';
import { counted, NO_RECORD } from '../../outbox/settling.ts';
import type { TokenTerms } from '../delivery.ts';
import type { Sql, Transactions } from './database.ts';

/** What a credential has achieved at one server. */
export function recordIn(sql: Sql, fingerprint: string, server: string): CredentialRecord {
  const row = sql(
    `SELECT successes, bad_tokens AS badTokens, gone, last_success_ms AS lastSuccessMs
     FROM credentials WHERE fingerprint = ? AND server = ?`,
  ).get(fingerprint, server) as CredentialRecord | undefined;
  return row ?? NO_RECORD;
}

/** Adds these attempts to what their credentials have achieved; where none was used, that is not kept. */
export function countIn(
  sql: Sql,
  attempts: readonly Attempt[],
  { server, nowMs }: { server: string; nowMs: number },
): void {
  const added = new Map<string, CredentialRecord>();
  for (const { fingerprint, outcome } of attempts)
    if (fingerprint !== undefined)
      added.set(fingerprint, counted(added.get(fingerprint) ?? NO_RECORD, outcome, nowMs));
  for (const [fingerprint, record] of added) add(sql, fingerprint, server, record);
}

/** A success among them ends the count of those that came before it. */
function add(sql: Sql, fingerprint: string, server: string, record: CredentialRecord): void {
  sql(
    `INSERT INTO credentials (fingerprint, server, successes, bad_tokens, gone, last_success_ms)
     VALUES (@fingerprint, @server, @successes, @badTokens, @gone, @lastSuccessMs)
     ON CONFLICT (fingerprint, server) DO UPDATE SET successes = successes + excluded.successes,
       bad_tokens = iif(excluded.successes > 0, 0, bad_tokens) + excluded.bad_tokens,
       gone = iif(excluded.successes > 0, 0, gone) + excluded.gone,
       last_success_ms = coalesce(excluded.last_success_ms, last_success_ms)`,
  ).run({ ...record, fingerprint, server });
}

export function mayWarn(
  database: Transactions,
  { fingerprint, server }: { fingerprint: string; server: string },
  nowMs: number,
  everyMs: number,
): Promise<boolean> {
  return database.write(
    (sql) =>
      sql(
        `INSERT INTO credentials (fingerprint, server, warned_ms) VALUES (@fingerprint, @server, @nowMs)
         ON CONFLICT (fingerprint, server) DO UPDATE SET warned_ms = excluded.warned_ms
           WHERE warned_ms IS NULL OR warned_ms <= @beforeMs OR warned_ms > @nowMs`,
      ).run({ fingerprint, server, nowMs, beforeMs: nowMs - everyMs }).changes === 1,
  );
}

export function providerToken(database: Transactions, fingerprint: string): Promise<IssuedToken | undefined> {
  return database.read((sql) => tokenIn(sql, fingerprint));
}

/** Another process may have made one in between. */
export function replaceProviderToken(
  database: Transactions,
  fingerprint: string,
  { keep, issue }: TokenTerms,
): Promise<IssuedToken> {
  return database.write((sql) => {
    const known = tokenIn(sql, fingerprint);
    if (known !== undefined && keep(known)) return known;
    const token = issue();
    sql(
      `INSERT INTO provider_tokens (fingerprint, jwt, issued_ms) VALUES (@fingerprint, @jwt, @issuedMs)
       ON CONFLICT (fingerprint) DO UPDATE SET jwt = excluded.jwt, issued_ms = excluded.issued_ms`,
    ).run({ ...token, fingerprint });
    return token;
  });
}

function tokenIn(sql: Sql, fingerprint: string): IssuedToken | undefined {
  const select = sql('SELECT jwt, issued_ms AS issuedMs FROM provider_tokens WHERE fingerprint = ?');
  return select.get(fingerprint) as IssuedToken | undefined;
}
