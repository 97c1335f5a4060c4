import { createPrivateKey, sign } from 'node:crypto';
import type { TokenCredential } from './credentials/credentials.ts';

const MINUTE_MS = 60_000;

// Apple, "Establishing a token-based connection to APNs": a token is refused when it is older than an hour, and a
// new one is refused within 20 minutes of the one before.
export const TOKEN_MAX_AGE_MS = 60 * MINUTE_MS;
export const TOKEN_MIN_AGE_MS = 20 * MINUTE_MS;

/** Renewed before its hour is over, since clocks differ and pushes wait. */
export const TOKEN_RENEWAL_AGE_MS = 50 * MINUTE_MS;

/** How far ahead of this clock another process may have issued a token, before its time counts as nonsense. */
const CLOCK_TOLERANCE_MS = MINUTE_MS;

/** A token that is in use, and when it was issued. */
export interface IssuedToken {
  jwt: string;
  issuedMs: number;
}

/** A provider token, valid from `nowMs` for an hour: RFC 7519, ES256 of RFC 7518, 3.4. Goes after `bearer `. */
export function signToken({ keyPem, keyId, teamId }: TokenCredential, nowMs: number): string {
  const header = { alg: 'ES256', kid: keyId };
  const claims = { iss: teamId, iat: Math.floor(nowMs / 1000) };
  const content = [header, claims].map((part) => base64url(JSON.stringify(part))).join('.');
  const key = { key: createPrivateKey(keyPem), dsaEncoding: 'ieee-p1363' as const };
  return `${content}.${base64url(sign('sha256', Buffer.from(content), key))}`;
}

/** Whether the known token serves on, or a new one is to be signed. Pure. */
export function tokenToUse(known: IssuedToken | undefined, nowMs: number): 'keep' | 'renew' {
  if (known === undefined || isFromTheFuture(known.issuedMs, nowMs)) return 'renew';
  return nowMs - known.issuedMs < TOKEN_RENEWAL_AGE_MS ? 'keep' : 'renew';
}

/**
 * Whether a token that Apple calls expired may be replaced now. A younger one is not expired: a clock is wrong, here
 * or where it was signed, and a new token would only bring TooManyProviderTokenUpdates. Pure.
 */
export function mayReplaceExpired(issuedMs: number, nowMs: number): boolean {
  return isFromTheFuture(issuedMs, nowMs) || nowMs - issuedMs >= TOKEN_MIN_AGE_MS;
}

/** The clock was put back since: Apple refuses a time that is not yet. */
function isFromTheFuture(issuedMs: number, nowMs: number): boolean {
  return issuedMs > nowMs + CLOCK_TOLERANCE_MS;
}

function base64url(bytes: string | Buffer): string {
  return Buffer.from(bytes).toString('base64url');
}
