import { type Credential, expiryWarning } from '../apns/credentials/credentials.ts';
import type { Clock } from '../process/clock.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../process/log.ts';

/** Often enough to be seen, seldom enough to be read. */
const WARNING_INTERVAL_MS = 24 * 60 * 60_000;

/** Warns in the log of credentials that end soon, once a day for all processes of the store together. */
export async function warnOfExpiry(
  credentials: readonly Credential[],
  { store, server, clock, log }: { store: Store; server: string; clock: Clock; log: Log },
): Promise<void> {
  for (const credential of credentials) {
    const warning = expiryWarning(credential, clock.nowMs());
    if (warning === undefined) continue;
    const key = { fingerprint: credential.fingerprint, server };
    if (await store.mayWarn(key, clock.nowMs(), WARNING_INTERVAL_MS)) log.warn(warning);
  }
}
