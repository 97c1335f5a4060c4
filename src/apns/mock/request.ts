import { isUtf8 } from 'node:buffer';
import { collectionOfTopic } from '../../targets/kind.ts';
import { MAX_PAYLOAD_BYTES } from '../payload.ts';
import type { Answer } from '../push.ts';

/** A request as it came over HTTP/2. */
export interface RawRequest {
  method: string;
  path: string;
  /** By lower-case name; more than one value where the header came more than once. */
  headers: ReadonlyMap<string, readonly string[]>;
  body: Buffer;
}

/** The same with what it says. */
export interface MockRequest extends RawRequest {
  /** The device token in the path, as it came; undefined where the path is no device's. */
  token: string | undefined;
  /** The body as a JSON object; undefined where it is none. */
  payload: Record<string, unknown> | undefined;
}

type Check = readonly [
  status: number,
  reason: string,
  isWrong: (request: MockRequest, topics: readonly string[]) => boolean,
];

const DEVICE_PATH = /^\/3\/device\/([^/]*)$/;
/** RFC 9562, 4, in the lower case that Apple asks for. */
const CANONICAL_UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MIN_TOKEN_DIGITS = 64; // 32 bytes; Apple may make them longer
const MAX_COLLAPSE_ID_BYTES = 64;
const PRIORITIES = ['1', '5', '10'];
/** https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns */
const PUSH_TYPES = [
  ...['alert', 'background', 'location', 'voip', 'complication', 'fileprovider', 'mdm', 'liveactivity'],
  ...['pushtotalk', 'widgets', 'controls'],
];

/** In Apple's order. The all-zero token is well formed and no device's, so it fails last. */
const CHECKS: readonly Check[] = [
  [405, 'MethodNotAllowed', ({ method }) => method !== 'POST'],
  [404, 'BadPath', ({ token }) => token === undefined],
  [400, 'BadMessageId', (request) => !CANONICAL_UUID.test(header(request, 'apns-id') ?? '')],
  [400, 'DuplicateHeaders', ({ headers }) => hasDuplicates(headers)],
  [400, 'MissingDeviceToken', ({ token }) => token === ''],
  [400, 'BadDeviceToken', ({ token = '' }) => !isTokenShaped(token)],
  [400, 'MissingTopic', (request) => (header(request, 'apns-topic') ?? '') === ''],
  [400, 'TopicDisallowed', (request, topics) => !topics.includes(header(request, 'apns-topic') ?? '')],
  [400, 'BadPriority', (request) => !PRIORITIES.includes(header(request, 'apns-priority') ?? '10')],
  [400, 'BadExpirationDate', (request) => !/^\d{1,15}$/.test(header(request, 'apns-expiration') ?? '0')],
  [400, 'InvalidPushType', (request) => !PUSH_TYPES.includes(header(request, 'apns-push-type') ?? '')],
  [400, 'BadCollapseId', (request) => bytesOf(header(request, 'apns-collapse-id')) > MAX_COLLAPSE_ID_BYTES],
  [400, 'PayloadEmpty', ({ body }) => body.length === 0],
  [413, 'PayloadTooLarge', ({ body }) => body.length > MAX_PAYLOAD_BYTES],
  // Apple has no reason of its own for a body that says nothing to Mail, Calendar or Contacts.
  [400, 'PayloadEmpty', (request) => !isForItsApp(request)],
  [400, 'BadDeviceToken', ({ token = '' }) => /^0+$/.test(token)],
];

/** Reads path and body, once for all who ask. */
export function understood({ method, path, headers, body }: RawRequest): MockRequest {
  return { method, path, headers, body, token: DEVICE_PATH.exec(path)?.[1], payload: payloadOf(body) };
}

/** What Apple answers to a request over a connection whose certificate is for `topics`: 200, or the first fault. */
export function answerTo(request: MockRequest, topics: readonly string[]): Answer {
  const fault = CHECKS.find(([, , isWrong]) => isWrong(request, topics));
  return fault ? { status: fault[0], reason: fault[1] } : { status: 200 };
}

/** The first value of a header; undefined where it is absent. */
export function header({ headers }: MockRequest, name: string): string | undefined {
  return headers.get(name)?.[0];
}

/** Mail looks for `aps`; Calendar and Contacts, which have topics of their own, for the key of a collection. */
function isForItsApp(request: MockRequest): boolean {
  const { payload } = request;
  const kind = collectionOfTopic(header(request, 'apns-topic') ?? '');
  return kind === undefined ? isObject(payload?.['aps']) : typeof payload?.['key'] === 'string';
}

function payloadOf(body: Buffer): Record<string, unknown> | undefined {
  if (!isUtf8(body)) return undefined;
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined; // not JSON, which is one of the faults
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTokenShaped(token: string): boolean {
  return /^([0-9a-f]{2})+$/i.test(token) && token.length >= MIN_TOKEN_DIGITS;
}

function hasDuplicates(headers: MockRequest['headers']): boolean {
  for (const values of headers.values()) if (values.length > 1) return true;
  return false;
}

function bytesOf(text: string | undefined): number {
  return Buffer.byteLength(text ?? '');
}
