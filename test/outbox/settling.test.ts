import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Attempt, ClaimedPush } from '../../src/outbox/attempt.ts';
import { NO_RECORD, questionOf, settleAll, type SettlingFacts } from '../../src/outbox/settling.ts';
import { SETTLE_CONTEXT } from '../support/settling.ts';
import { NOW_MS } from '../support/store.ts';

const SERVER = 'https://api.push.apple.com';

function goneAttempt(targetId: number): Attempt {
  const push: ClaimedPush = {
    ...{ targetId, user: 'alice', deviceToken: 'aa', accountId: 'account', topic: '', renewedMs: NOW_MS },
    ...{ apnsId: 'id', event: 'MessageNew', generation: 1, attempts: 1, eventMs: NOW_MS, enqueuedMs: NOW_MS },
    mailboxes: [],
  };
  const outcome = { kind: 'gone', reason: 'Unregistered', sinceMs: undefined } as const;
  return { push, outcome, unprocessed: false, fingerprint: 'f' };
}

test('of a million devices no more are counted than a few 410 answers need', () => {
  const question = questionOf([goneAttempt(1)], SERVER);
  expect(question?.countTo?.(0)).toBeLessThan(1000);
});

test('as many as are counted at most decide as all devices would', () => {
  const sizes = { now: fc.integer({ min: 1, max: 60 }), before: fc.nat(400), others: fc.nat(12_000) };
  fc.assert(
    fc.property(fc.record(sizes), ({ now, before, others }) => {
      const attempts = Array.from({ length: now }, (_, n) => goneAttempt(n));
      const targets = now + others;
      const settled = (counted: number): unknown => {
        const facts: SettlingFacts = {
          credentials: new Map([['f', { ...NO_RECORD, successes: 1, gone: before }]]),
          blamed: new Map(
            attempts.map(({ push }) => [push.targetId, { renewedMs: NOW_MS, failingSinceMs: null }]),
          ),
          targets: counted,
        };
        return settleAll(attempts, facts, SETTLE_CONTEXT).map(({ settlement }) => settlement.removeTarget);
      };
      const limit = questionOf(attempts, SERVER)!.countTo!(before);
      expect(settled(Math.min(targets, limit))).toEqual(settled(targets));
    }),
    { numRuns: 300 },
  );
});
