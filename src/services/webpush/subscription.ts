import { createHash, ECDH } from 'node:crypto';
import type { NewEndpoint } from '../endpoint.ts';

/** What an app of a user gives us to reach it (W3C Push API, PushSubscription.toJSON). */
export interface Subscription {
  /** The URL that is posted to. */
  endpoint: string;
  /** The app's public key, a point of P-256 in its uncompressed form. */
  p256dh: Buffer;
  /** The secret that it shares with us alone (RFC 8291, 3.2). */
  auth: Buffer;
}

export const CURVE = 'prime256v1';
const POINT_BYTES = 65;
const AUTH_BYTES = 16;

/** Far more than those of the services there are; and longest text of a whole subscription. */
const ENDPOINT_MAX_LENGTH = 1024;
const TEXT_MAX_LENGTH = 4096;

/** Reads a subscription in JSON, or says what is wrong with it, never with the value: it is a secret. */
export function readSubscription(text: string): Subscription | { problem: string } {
  if (text.length > TEXT_MAX_LENGTH) return { problem: `expected at most ${TEXT_MAX_LENGTH} characters` };
  const { endpoint, keys } = fieldsOf(parsed(text));
  const { p256dh, auth } = fieldsOf(keys);
  const place = endpointOf(endpoint);
  if (place === undefined)
    return { problem: `endpoint: expected an https:// URL of at most ${ENDPOINT_MAX_LENGTH} characters` };
  const point = bytesOf(p256dh, POINT_BYTES);
  if (point === undefined || !isPoint(point))
    return { problem: 'keys.p256dh: expected a public key of P-256, 65 bytes in base64url' };
  const secret = bytesOf(auth, AUTH_BYTES);
  if (secret === undefined) return { problem: 'keys.auth: expected 16 bytes in base64url' };
  return { endpoint: place, p256dh: point, auth: secret };
}

/** The endpoint of a user; a new subscription at the same URL is the same one, renewed. */
export function webPushEndpoint(
  { endpoint, p256dh, auth }: Subscription,
  user: string,
  expiresMs: number | null = null,
): NewEndpoint {
  const keys = { p256dh: p256dh.toString('base64url'), auth: auth.toString('base64url') };
  const fingerprint = createHash('sha256').update(endpoint).digest('hex');
  return { user, service: 'webpush', address: JSON.stringify({ endpoint, keys }), fingerprint, expiresMs };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // told as a subscription without an endpoint
  }
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** In the one form that a URL has; http is for the address guard, which may be off in a test. */
function endpointOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > ENDPOINT_MAX_LENGTH) return undefined;
  if (!/^https?:\/\/[\x21-\x7e]+$/.test(value) || !URL.canParse(value)) return undefined;
  const { href, username, password, hash } = new URL(value);
  return username + password + hash === '' ? href : undefined;
}

/** Browsers write base64url without padding; older apps pad it, or write plain base64. */
function bytesOf(value: unknown, length: number): Buffer | undefined {
  if (typeof value !== 'string' || !/^[\w+/-]+={0,2}$/.test(value)) return undefined;
  const bytes = Buffer.from(value, 'base64url');
  return bytes.length === length ? bytes : undefined;
}

/** A point beside the curve would give away our key (RFC 8291, 7). */
function isPoint(bytes: Buffer): boolean {
  try {
    return bytes[0] === 4 && ECDH.convertKey(bytes, CURVE).length > 0;
  } catch {
    return false;
  }
}
