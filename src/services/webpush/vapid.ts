import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';

/** By which push services know who calls (RFC 8292): whoever has it is us. */
export interface VapidKey {
  privateKey: KeyObject;
  /** The point, in base64url: the `applicationServerKey` of browsers. */
  publicKey: string;
}

/** RFC 8292, 2: not more than 24 hours ahead; less, since clocks differ. */
const LIFETIME_MS = 12 * 3_600_000;

/** What is left to one that still serves. */
const RENEWED_BEFORE_END_MS = 3_600_000;

/** So many origins have their tokens kept; there are few push services, and any stranger can name one more. */
const KEPT_MAX = 100;

/** The key in PEM. Throws where it is none, or of another curve. */
export function vapidKeyOf(pem: string): VapidKey {
  const privateKey = createPrivateKey(pem);
  const { crv, x = '', y = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  if (crv !== 'P-256') throw new Error('it is no key of P-256');
  const point = [Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')];
  return { privateKey, publicKey: Buffer.concat(point).toString('base64url') };
}

/** Gives the value of Authorization for an origin; a signature serves for hours. Time is an argument. */
export function createVapid(key: VapidKey, subject: string): (origin: string, nowMs: number) => string {
  const kept = new Map<string, { value: string; endsMs: number }>();
  return (origin, nowMs) => {
    const known = kept.get(origin);
    if (known !== undefined && isInUse(known.endsMs, nowMs)) return known.value;
    const endsMs = nowMs + LIFETIME_MS;
    const claims = { aud: origin, exp: Math.floor(endsMs / 1000), sub: subject };
    const value = `vapid t=${signed(claims, key.privateKey)}, k=${key.publicKey}`;
    if (kept.size >= KEPT_MAX) kept.clear();
    kept.set(origin, { value, endsMs });
    return value;
  };
}

/** Not near its end, nor of a clock that was put back since. */
function isInUse(endsMs: number, nowMs: number): boolean {
  return nowMs < endsMs - RENEWED_BEFORE_END_MS && endsMs <= nowMs + LIFETIME_MS;
}

/** RFC 7519, by ES256 of RFC 7518, 3.4. */
function signed(claims: object, privateKey: KeyObject): string {
  const header = { typ: 'JWT', alg: 'ES256' };
  const content = [header, claims].map((part) => base64url(JSON.stringify(part))).join('.');
  const key = { key: privateKey, dsaEncoding: 'ieee-p1363' as const };
  return `${content}.${base64url(sign('sha256', Buffer.from(content), key))}`;
}

function base64url(bytes: string | Buffer): string {
  return Buffer.from(bytes).toString('base64url');
}
