import type { Outcome } from '../apns/push.ts';
import type { Sql } from '../db.ts';
import type { CredentialRecord } from './settlement.ts';

/** What credentials have achieved at one server, by fingerprint; '' where none was used, which is not kept. */
export type CredentialRecords = Map<string, CredentialRecord>;

/** The record of a credential: the one in `records`, else the one in the database, which is put there. */
export function recordOf(
  sql: Sql,
  records: CredentialRecords,
  fingerprint: string,
  server: string,
): CredentialRecord {
  const record = records.get(fingerprint) ?? storedRecord(sql, fingerprint, server);
  records.set(fingerprint, record);
  return record;
}

/** Adds the outcome of one attempt. */
export function count(record: CredentialRecord, outcome: Outcome, nowMs: number): void {
  if (outcome.kind === 'delivered') {
    record.successes += 1;
    record.badTokens = 0;
    record.gone = 0;
    record.lastSuccessMs = nowMs;
  } else if (outcome.kind === 'rejected' && outcome.badDeviceToken) {
    record.badTokens += 1;
  } else if (outcome.kind === 'gone') {
    record.gone += 1;
  }
}

export function saveRecords(sql: Sql, records: CredentialRecords, server: string): void {
  for (const [fingerprint, record] of records) {
    if (fingerprint === '') continue;
    sql(
      `INSERT INTO credentials (fingerprint, server, successes, bad_tokens, gone, last_success_ms)
       VALUES (@fingerprint, @server, @successes, @badTokens, @gone, @lastSuccessMs)
       ON CONFLICT (fingerprint, server) DO UPDATE SET successes = excluded.successes,
         bad_tokens = excluded.bad_tokens, gone = excluded.gone, last_success_ms = excluded.last_success_ms`,
    ).run({ ...record, fingerprint, server });
  }
}

function storedRecord(sql: Sql, fingerprint: string, server: string): CredentialRecord {
  const row = sql(
    `SELECT successes, bad_tokens AS badTokens, gone, last_success_ms AS lastSuccessMs
     FROM credentials WHERE fingerprint = ? AND server = ?`,
  ).get(fingerprint, server) as CredentialRecord | undefined;
  return row ?? { successes: 0, badTokens: 0, gone: 0, lastSuccessMs: null };
}
