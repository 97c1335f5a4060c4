import { type Credential, expiryWarning } from '../apns/credentials.ts';
import type { Clock } from '../clock.ts';
import type { Store } from '../db.ts';
import type { Log } from '../log.ts';

/** Often enough to be seen, seldom enough to be read. */
const WARNING_INTERVAL_MS = 24 * 60 * 60_000;

/** Warns in the log of credentials that end soon, once a day for all processes of the store together. */
export async function warnOfExpiry(
  credentials: readonly Credential[],
  { store, server, clock, log }: { store: Store; server: string; clock: Clock; log: Log },
): Promise<void> {
  for (const credential of credentials) {
    const warning = expiryWarning(credential, clock.nowMs());
    if (warning !== undefined && (await mayWarn(store, credential.fingerprint, server, clock.nowMs())))
      log.warn(warning);
  }
}

/** True for one caller a day. */
function mayWarn(store: Store, fingerprint: string, server: string, nowMs: number): Promise<boolean> {
  return store.write(
    (sql) =>
      sql(
        `INSERT INTO credentials (fingerprint, server, warned_ms) VALUES (@fingerprint, @server, @nowMs)
         ON CONFLICT (fingerprint, server) DO UPDATE SET warned_ms = excluded.warned_ms
           WHERE warned_ms IS NULL OR warned_ms <= @beforeMs OR warned_ms > @nowMs`,
      ).run({ fingerprint, server, nowMs, beforeMs: nowMs - WARNING_INTERVAL_MS }).changes === 1,
  );
}
