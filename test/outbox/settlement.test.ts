import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { collectionMailbox } from '../../src/mailboxes/collection.ts';
import type { Outcome } from '../../src/outbox/outcome.ts';
import { backoffMs } from '../../src/outbox/backoff.ts';
import type { ClaimedPush } from '../../src/outbox/attempt.ts';
import {
  ASK_AGAIN_MS,
  MAX_BAD_TOKENS_IN_A_ROW,
  MAX_GONE_IN_A_ROW,
  MAX_IMMEDIATE_ATTEMPTS,
  settlementOf,
  type Settlement,
  type SettlementRules,
} from '../../src/outbox/settlement.ts';
import { NOW_MS } from '../support/store.ts';

const DAY_MS = 86_400_000;

const PUSH: ClaimedPush = {
  targetId: 1,
  user: 'alice',
  deviceToken: 'aa',
  accountId: 'account',
  topic: '',
  renewedMs: NOW_MS - 1000,
  apnsId: 'id',
  event: 'MessageNew',
  generation: 1,
  attempts: 1,
  eventMs: NOW_MS - 10,
  enqueuedMs: NOW_MS - 10,
  mailboxes: [],
};

const RULES: SettlementRules = {
  nowMs: NOW_MS,
  giveUpMs: DAY_MS,
  random: 0.5,
  credential: { successes: 1, badTokens: 0, gone: 0, lastSuccessMs: NOW_MS },
  targets: 0,
  unprocessed: false,
  failingSinceMs: null,
  disableAfterMs: 3 * DAY_MS,
  longestMs: Infinity,
};

const RETRY = { kind: 'retry', reason: 'ServiceUnavailable', scope: 'apple', reconnect: false } as const;
const BAD_TOKEN = { kind: 'rejected', reason: 'BadDeviceToken', badDeviceToken: true } as const;

function settled(
  outcome: Outcome,
  push: Partial<ClaimedPush> = {},
  rules: Partial<SettlementRules> = {},
): Settlement {
  const { eventMs = PUSH.eventMs } = push;
  return settlementOf({ ...PUSH, enqueuedMs: eventMs, ...push }, outcome, { ...RULES, ...rules });
}

describe('delivered, gone and rejected end the push', () => {
  test('delivered', () => {
    const over = {
      row: 'finished',
      removeTarget: false,
      disableTarget: false,
      reason: undefined,
      gaveUp: false,
    };
    expect(settled({ kind: 'delivered' })).toEqual(over);
  });

  test.each([
    ['registered before', PUSH.renewedMs + 1, true],
    ['registered at that moment', PUSH.renewedMs, true],
    ['registered since', PUSH.renewedMs - 1, false],
    ['no time given', undefined, true],
  ])('gone, %s', (_name, sinceMs, removeTarget) => {
    const outcome: Outcome = { kind: 'gone', reason: 'Unregistered', sinceMs };
    expect(settled(outcome)).toEqual({
      row: 'finished',
      removeTarget,
      disableTarget: false,
      reason: 'Unregistered',
      gaveUp: false,
    });
  });

  test('rejected for any reason but the token', () => {
    const outcome: Outcome = { kind: 'rejected', reason: 'PayloadTooLarge', badDeviceToken: false };
    expect(settled(outcome)).toMatchObject({
      row: 'finished',
      removeTarget: false,
      reason: 'PayloadTooLarge',
    });
  });

  test.each([
    ['never got a push through', 0, 0, false],
    ['got one through', 1, 0, true],
    ['was told so a few times', 9, MAX_BAD_TOKENS_IN_A_ROW - 1, true],
    ['was told so too often', 9, MAX_BAD_TOKENS_IN_A_ROW, false],
  ])('BadDeviceToken, where the credential %s', (_name, successes, badTokens, removeTarget) => {
    const result = settled(
      BAD_TOKEN,
      {},
      { credential: { successes, badTokens, gone: 0, lastSuccessMs: null } },
    );
    expect(result).toEqual({
      row: 'finished',
      removeTarget,
      disableTarget: false,
      reason: 'BadDeviceToken',
      gaveUp: false,
    });
  });
});

describe('everything else is tried again', () => {
  test.each([
    [{ ...RETRY, scope: 'device' }, 'device'],
    [RETRY, 'apple'],
    [{ ...RETRY, scope: 'connection' }, 'connection'],
    [{ kind: 'misconfigured', reason: 'BadTopic', scope: 'topic' }, 'topic'],
    [{ kind: 'misconfigured', reason: 'BadCertificate', scope: 'credential' }, 'credential'],
  ] as [Extract<Outcome, { reason: string }>, string][])('%j', (outcome, hold) => {
    expect(settled(outcome, { attempts: 3 }, { random: 0.25 })).toEqual({
      row: { retryAtMs: NOW_MS + (hold === 'topic' ? ASK_AGAIN_MS : backoffMs(3, 0.25)), hold },
      removeTarget: false,
      disableTarget: false,
      reason: outcome.reason,
      gaveUp: false,
    });
  });

  test('not before the time that Apple asked for', () => {
    const afterMs = 600_000;
    expect(settled({ ...RETRY, afterMs })).toMatchObject({ row: { retryAtMs: NOW_MS + afterMs } });
  });

  test('at once where Apple did not process it, but not for ever', () => {
    for (let attempts = 1; attempts < MAX_IMMEDIATE_ATTEMPTS; attempts += 1)
      expect(settled(RETRY, { attempts }, { unprocessed: true })).toMatchObject({
        row: { retryAtMs: NOW_MS },
      });
    const tired = settled(RETRY, { attempts: MAX_IMMEDIATE_ATTEMPTS }, { unprocessed: true });
    expect(tired).toMatchObject({ row: { retryAtMs: NOW_MS + backoffMs(MAX_IMMEDIATE_ATTEMPTS, 0.5) } });
  });

  test('as long as any other, where it came late through the spool', () => {
    const push = { eventMs: NOW_MS - 2 * DAY_MS, enqueuedMs: NOW_MS };
    expect(settled(RETRY, push)).toMatchObject({ row: { hold: 'apple' }, gaveUp: false });
  });

  test('until the time for it is over, counted from the latest event', () => {
    const nextMs = NOW_MS + backoffMs(1, 0.5);
    expect(settled(RETRY, { eventMs: nextMs - DAY_MS + 1 })).toMatchObject({ gaveUp: false });
    expect(settled(RETRY, { eventMs: nextMs - DAY_MS })).toEqual({
      row: 'finished',
      removeTarget: false,
      disableTarget: false,
      reason: 'ServiceUnavailable',
      gaveUp: true,
    });
  });
});

describe('a device that fails for too long is disabled', () => {
  const sinceMs = NOW_MS - 3 * DAY_MS;
  const others = { successes: 9, badTokens: MAX_BAD_TOKENS_IN_A_ROW, gone: 0, lastSuccessMs: sinceMs + 1 };
  const REFUSED = { kind: 'rejected', reason: 'Forbidden', badDeviceToken: false } as const;
  const CONNECTION = { ...RETRY, scope: 'connection' } as const;
  const OURS = { kind: 'misconfigured', reason: 'BadTopic', scope: 'topic' } as const;
  const GONE = { kind: 'gone', reason: 'Unregistered', sinceMs: 0 } as const;

  test.each<[string, Outcome, Partial<SettlementRules>, boolean]>([
    ['refused for that long', REFUSED, {}, true],
    ['not believed to be dead', BAD_TOKEN, {}, true],
    ['gone before it registered', GONE, {}, true],
    ['unwell for that long', RETRY, {}, true],
    ['a moment earlier', REFUSED, { failingSinceMs: sinceMs + 1 }, false],
    ['failing for the first time', REFUSED, { failingSinceMs: null }, false],
    ['Apple out of reach', CONNECTION, {}, false],
    ['our own mistake', OURS, {}, false],
    ['delivered', { kind: 'delivered' }, {}, false],
    ['no push got through since', REFUSED, { credential: { ...others, lastSuccessMs: sinceMs } }, false],
    ['no push ever got through', REFUSED, { credential: { ...others, lastSuccessMs: null } }, false],
  ])('%s', (_name, outcome, rules, disableTarget) => {
    const result = settled(outcome, {}, { failingSinceMs: sinceMs, credential: others, ...rules });
    expect(result).toMatchObject({ disableTarget, removeTarget: false });
    if (disableTarget) expect(result).toMatchObject({ row: 'finished', gaveUp: false });
  });

  test('one that goes for good is not disabled as well', () => {
    const outcome: Outcome = { kind: 'gone', reason: 'Unregistered', sinceMs: undefined };
    expect(settled(outcome, {}, { failingSinceMs: sinceMs, credential: others })).toMatchObject({
      removeTarget: true,
      disableTarget: false,
    });
  });
});

const outcomes: fc.Arbitrary<Outcome> = fc.oneof(
  fc.constant<Outcome>({ kind: 'delivered' }),
  fc.record({
    kind: fc.constant('gone' as const),
    reason: fc.string(),
    sinceMs: fc.option(fc.nat(), { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('rejected' as const), reason: fc.string(), badDeviceToken: fc.boolean() }),
  fc.record({
    kind: fc.constant('misconfigured' as const),
    reason: fc.string(),
    scope: fc.constantFrom('credential' as const, 'topic' as const),
  }),
  fc.record({
    kind: fc.constant('retry' as const),
    reason: fc.string(),
    scope: fc.constantFrom('device' as const, 'apple' as const, 'connection' as const),
    reconnect: fc.boolean(),
  }),
);

const situations = fc.record({
  outcome: outcomes,
  attempts: fc.integer({ min: 1, max: 100 }),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  successes: fc.nat(20),
  badTokens: fc.nat(20),
  unprocessed: fc.boolean(),
  ageMs: fc.nat(2 * DAY_MS),
});

describe('a device that Apple says is gone', () => {
  const GONE = { kind: 'gone', reason: 'Unregistered', sinceMs: NOW_MS } as const;
  const after = (gone: number, targets: number): Settlement =>
    settled(GONE, {}, { targets, credential: { ...RULES.credential, gone } });

  test.each([
    [MAX_GONE_IN_A_ROW - 1, 3, true],
    [MAX_GONE_IN_A_ROW, 3, false],
    [MAX_GONE_IN_A_ROW, 1000, true],
    [49, 951, true],
    [50, 950, false],
    [0, 1, true],
    [1, 1, false],
  ])('after %i others in a row, with %i devices left: removed %o', (gone, targets, removeTarget) => {
    const row = removeTarget ? 'finished' : { retryAtMs: NOW_MS + ASK_AGAIN_MS, hold: 'gone' };
    expect(after(gone, targets)).toMatchObject({ removeTarget, row, reason: 'Unregistered' });
  });

  test('is believed of a calendar, however many are gone: who is there asks anew within a day', () => {
    const mailboxes = [
      { ...collectionMailbox('calendar', 'oknraw1vj10bnztsly3ox6he'), hash: undefined, inbox: false },
    ];
    const credential = { ...RULES.credential, gone: 1000 };
    const settlement = settled(GONE, { mailboxes }, { credential, targets: 1 });
    expect(settlement).toMatchObject({ removeTarget: true, row: 'finished' });
  });

  test('is over where it has registered since, however many are gone', () => {
    const credential = { ...RULES.credential, gone: 1000 };
    const settlement = settled({ ...GONE, sinceMs: PUSH.renewedMs - 1 }, {}, { credential });
    expect(settlement).toMatchObject({ removeTarget: false, row: 'finished' });
  });
});

test('our own mistake and an unwell Apple never cost a target, and never go on for ever', () => {
  fc.assert(
    fc.property(situations, ({ outcome, attempts, random, successes, badTokens, unprocessed, ageMs }) => {
      const result = settled(
        outcome,
        { attempts, eventMs: NOW_MS - ageMs },
        { random, unprocessed, credential: { successes, badTokens, gone: 0, lastSuccessMs: null } },
      );
      const again = outcome.kind === 'misconfigured' || outcome.kind === 'retry';
      if (again) expect(result.removeTarget).toBe(false);
      else expect(result.row).toBe('finished');
      if (result.row === 'finished') expect(result.gaveUp).toBe(again);
      else expect(result.row.retryAtMs).toBeLessThan(NOW_MS - ageMs + DAY_MS);
    }),
  );
});
