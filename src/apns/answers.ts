import type { Outcome } from '../outbox/outcome.ts';

type WithoutAnswer<T> = T extends Outcome ? Omit<T, 'reason' | 'sinceMs'> : never;

/** An outcome before Apple's own words are filled in. */
export type Ruling = WithoutAnswer<Outcome>;

export interface KnownAnswer {
  /** A status, or the hundred that it is of. */
  status: number | '4xx' | '5xx';
  /** Apple's reasons; `none`: the answer gave none, `any`: whatever it gave. */
  reasons: readonly string[] | 'none' | 'any';
  ruling: Ruling;
  /** One sentence for a person. */
  meaning: string;
}

// "at most every 20 minutes", section Refresh your token regularly of
// https://developer.apple.com/documentation/usernotifications/establishing-a-token-based-connection-to-apns
const PROVIDER_TOKEN_PAUSE_MS = 20 * 60 * 1000;

const OUR_BUG: Ruling = { kind: 'rejected', badDeviceToken: false };
export const BAD_CREDENTIAL: Ruling = { kind: 'misconfigured', scope: 'credential' };
const APPLE_LATER: Ruling = { kind: 'retry', scope: 'apple', reconnect: false };
const DEVICE_LATER: Ruling = { kind: 'retry', scope: 'device', reconnect: false };
const NEW_CONNECTION: Ruling = { kind: 'retry', scope: 'connection', reconnect: true };
const FOREIGN = 'Apple gives no such answer; check apns.server and what stands between.';
const THROTTLED = 'This device was sent too many pushes in a short time; the push is tried again later.';

/**
 * Apple's answers and what each means; of the rows that fit an answer the first holds.
 * Source: https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns
 */
export const KNOWN_ANSWERS: readonly KnownAnswer[] = [
  {
    status: 200,
    reasons: 'any',
    ruling: { kind: 'delivered' },
    meaning: 'Apple accepted the push; Mail acts on it if it watches the topic and knows the account id.',
  },
  {
    status: '4xx',
    reasons: ['BadDeviceToken'],
    ruling: { kind: 'rejected', badDeviceToken: true },
    meaning: 'Apple does not know the device token, or it is of the other environment (sandbox, production).',
  },
  {
    status: '4xx',
    reasons: ['DeviceTokenNotForTopic', 'BadTopic', 'MissingTopic', 'TopicDisallowed'],
    ruling: { kind: 'misconfigured', scope: 'topic' },
    meaning: 'The topic of this registration does not fit the certificate or the device.',
  },
  {
    status: '4xx',
    reasons: [
      ...['BadCollapseId', 'BadExpirationDate', 'BadMessageId', 'BadPriority', 'DuplicateHeaders'],
      ...['InvalidPushType', 'MissingDeviceToken', 'PayloadEmpty', 'BadPath', 'MethodNotAllowed'],
    ],
    ruling: OUR_BUG,
    meaning: 'Apple found a fault in the request, which is a bug of this program.',
  },
  {
    status: '4xx',
    reasons: ['PayloadTooLarge'],
    ruling: OUR_BUG,
    meaning: 'The push is larger than the 4096 bytes that Apple takes.',
  },
  {
    status: '4xx',
    reasons: [
      ...['BadCertificate', 'BadCertificateEnvironment', 'Forbidden', 'InvalidProviderToken'],
      ...['MissingProviderToken', 'UnrelatedKeyIdInToken', 'BadEnvironmentKeyIdInToken'],
    ],
    ruling: BAD_CREDENTIAL,
    meaning: 'Apple does not accept our credential; no push gets through until the configuration is fixed.',
  },
  {
    status: 403,
    reasons: 'none',
    ruling: BAD_CREDENTIAL,
    meaning: 'The push is forbidden and no reason is given; check the certificate and apns.server.',
  },
  {
    status: '4xx',
    reasons: ['ExpiredProviderToken'],
    ruling: APPLE_LATER,
    meaning: 'The provider token is too old; the push is tried again with a new one.',
  },
  {
    status: '4xx',
    reasons: ['TooManyProviderTokenUpdates'],
    ruling: { ...APPLE_LATER, afterMs: PROVIDER_TOKEN_PAUSE_MS },
    meaning: 'The provider token was renewed too often; the push is tried again in 20 minutes.',
  },
  {
    status: '4xx',
    reasons: ['Unregistered', 'ExpiredToken'],
    ruling: { kind: 'gone' },
    meaning: 'The device no longer takes pushes under this token.',
  },
  // A page of somebody in between must not remove a device.
  { status: 410, reasons: 'none', ruling: NEW_CONNECTION, meaning: FOREIGN },
  { status: '4xx', reasons: ['TooManyRequests'], ruling: DEVICE_LATER, meaning: THROTTLED },
  {
    status: 429,
    reasons: 'any',
    ruling: APPLE_LATER,
    meaning:
      'Apple is sent too much at the moment, and does not say that it is about this device; the push is tried again later.',
  },
  {
    status: '4xx',
    reasons: ['IdleTimeout'],
    ruling: NEW_CONNECTION,
    meaning: 'The connection was idle for too long; the push is tried again on a new one.',
  },
  {
    status: '5xx',
    reasons: ['Shutdown'],
    ruling: NEW_CONNECTION,
    meaning: 'This server of Apple is shutting down; the push is tried again on a new connection.',
  },
  {
    status: '5xx',
    reasons: 'any',
    ruling: APPLE_LATER,
    meaning: 'Apple has a fault of its own; the push is tried again later.',
  },
  {
    status: '4xx',
    reasons: 'any',
    ruling: OUR_BUG,
    meaning: 'Apple refuses the push for a reason that this version does not know.',
  },
];

/** An answer that Apple never gives, such as a redirect by a proxy: it costs neither a push nor a device. */
export const FOREIGN_ANSWER: KnownAnswer = {
  status: 0,
  reasons: 'any',
  ruling: NEW_CONNECTION,
  meaning: FOREIGN,
};

export function isListed(reasons: KnownAnswer['reasons']): reasons is readonly string[] {
  return typeof reasons !== 'string';
}

/** For NoAnswer. */
export const NO_ANSWER: Ruling = NEW_CONNECTION;
