import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { meaningOf, outcomeOf, outcomeOfNoAnswer } from '../../src/apns/outcome.ts';
import { NoAnswer, type Answer } from '../../src/apns/push.ts';
import type { Outcome } from '../../src/outbox/outcome.ts';

const TWENTY_MINUTES_MS = 1_200_000;

function good(answer: Answer, want: Outcome): void {
  test(`${answer.status} ${answer.reason ?? ''}`, () => {
    expect(outcomeOf(answer)).toEqual(want);
  });
}

function rejected(status: number, reason: string, badDeviceToken = false): void {
  good({ status, reason }, { kind: 'rejected', reason, badDeviceToken });
}

function misconfigured(status: number, reason: string, scope: 'credential' | 'topic'): void {
  good({ status, reason }, { kind: 'misconfigured', reason, scope });
}

function retry(answer: Answer, want: Omit<Extract<Outcome, { kind: 'retry' }>, 'kind' | 'reason'>): void {
  const status = `status ${answer.status}${answer.foreign === true ? ', not from Apple' : ''}`;
  good(answer, { kind: 'retry', reason: answer.reason ?? status, ...want });
}

describe('outcomeOf', () => {
  good({ status: 200 }, { kind: 'delivered' });
  rejected(400, 'BadDeviceToken', true);
  for (const reason of ['DeviceTokenNotForTopic', 'BadTopic', 'MissingTopic', 'TopicDisallowed']) {
    misconfigured(400, reason, 'topic');
  }
  for (const reason of [
    'BadCollapseId',
    'BadExpirationDate',
    'BadMessageId',
    'BadPriority',
    'DuplicateHeaders',
    'InvalidPushType',
    'MissingDeviceToken',
    'PayloadEmpty',
  ]) {
    rejected(400, reason);
  }
  retry({ status: 400, reason: 'IdleTimeout' }, { scope: 'connection', reconnect: true });
  for (const reason of [
    'BadCertificate',
    'BadCertificateEnvironment',
    'Forbidden',
    'InvalidProviderToken',
    'MissingProviderToken',
    'UnrelatedKeyIdInToken',
    'BadEnvironmentKeyIdInToken',
  ]) {
    misconfigured(403, reason, 'credential');
  }
  retry({ status: 403, reason: 'ExpiredProviderToken' }, { scope: 'apple', reconnect: false });
  rejected(404, 'BadPath');
  rejected(405, 'MethodNotAllowed');
  good(
    { status: 410, reason: 'Unregistered', timestampMs: 1_700_000_000_000 },
    { kind: 'gone', reason: 'Unregistered', sinceMs: 1_700_000_000_000 },
  );
  good({ status: 410, reason: 'ExpiredToken' }, { kind: 'gone', reason: 'ExpiredToken', sinceMs: undefined });
  rejected(413, 'PayloadTooLarge');
  retry({ status: 429, reason: 'TooManyRequests' }, { scope: 'device', reconnect: false });
  retry(
    { status: 429, reason: 'TooManyProviderTokenUpdates' },
    { scope: 'apple', reconnect: false, afterMs: TWENTY_MINUTES_MS },
  );
  retry({ status: 500, reason: 'InternalServerError' }, { scope: 'apple', reconnect: false });
  retry({ status: 503, reason: 'ServiceUnavailable' }, { scope: 'apple', reconnect: false });
  retry({ status: 503, reason: 'Shutdown' }, { scope: 'connection', reconnect: true });
});

describe('outcomeOf: Retry-After', () => {
  retry(
    { status: 429, reason: 'TooManyRequests', retryAfterMs: 30_000 },
    { scope: 'device', reconnect: false, afterMs: 30_000 },
  );
  retry({ status: 503, retryAfterMs: 0 }, { scope: 'apple', reconnect: false, afterMs: 0 });
  good({ status: 200, retryAfterMs: 30_000 }, { kind: 'delivered' });
});

describe('outcomeOf: what the list does not have', () => {
  rejected(400, 'SomethingNew');
  rejected(403, 'SomethingNew');
  rejected(410, 'SomethingNew');
  retry({ status: 500, reason: 'SomethingNew' }, { scope: 'apple', reconnect: false });
  retry({ status: 599 }, { scope: 'apple', reconnect: false });
  good({ status: 400 }, { kind: 'rejected', reason: 'status 400', badDeviceToken: false });
  good({ status: 403 }, { kind: 'misconfigured', reason: 'status 403', scope: 'credential' });
  // Apple always gives a 410 its reason.
  retry({ status: 410 }, { scope: 'connection', reconnect: true });
  for (const reason of [undefined, 'SomethingNew'])
    retry({ status: 429, ...(reason !== undefined && { reason }) }, { scope: 'apple', reconnect: false });
  retry({ status: 302 }, { scope: 'connection', reconnect: true });
  for (const status of [200, 302, 403, 404, 407, 410, 502, 511])
    retry({ status, foreign: true }, { scope: 'connection', reconnect: true });
});

test('a target is touched only by 410 and BadDeviceToken', () => {
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 999 }), fc.string(), (status, reason) => {
      fc.pre(status !== 410);
      const outcome = outcomeOf({ status, reason });
      expect(outcome.kind).not.toBe('gone');
      if (outcome.kind === 'rejected') expect(outcome.badDeviceToken).toBe(false);
    }),
  );
});

test('no answer is a retry on a new connection, whether or not Apple saw the push', () => {
  for (const perhapsProcessed of [true, false]) {
    const error = new NoAnswer('apple:443: no answer within 10 ms', { perhapsProcessed });
    expect(outcomeOfNoAnswer(error)).toEqual({
      kind: 'retry',
      reason: 'apple:443: no answer within 10 ms',
      scope: 'connection',
      reconnect: true,
    });
  }
});

test.each([
  [{ status: 200 }, /^Apple accepted the push/],
  [{ status: 400, reason: 'BadDeviceToken' }, /environment/],
  [{ status: 400, reason: 'TopicDisallowed' }, /topic/],
  [{ status: 403, reason: 'BadCertificate' }, /credential/],
  [{ status: 410, reason: 'Unregistered' }, /no longer/],
  [{ status: 400, reason: 'SomethingNew' }, /does not know/],
  [{ status: 302 }, /apns\.server/],
])('the meaning of %o', (answer, want) => {
  expect(meaningOf(answer)).toMatch(want);
  expect(meaningOf(answer)).toMatch(/^[^.].*\.$/);
});
