import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../src/outbox/outcome.ts';
import type { ClaimedPush } from '../../src/outbox/attempt.ts';
import type { Settlement } from '../../src/outbox/settlement.ts';
import { sentence, tell, tellGivenUp } from '../../src/delivery/tell.ts';
import { recordedLog } from '../support/recorded-log.ts';

const PUSH = {
  user: 'alice',
  deviceToken: 'aa',
  event: 'MessageNew',
  apnsId: 'id',
  attempts: 2,
  topic: 'a topic',
} as ClaimedPush;

const WAITS: Settlement = {
  row: { retryAtMs: 0, hold: 'apple' },
  removeTarget: false,
  disableTarget: false,
  reason: 'why',
  gaveUp: false,
};
const OVER: Settlement = { ...WAITS, row: 'finished' };

const RETRY: Outcome = { kind: 'retry', reason: 'why', scope: 'apple', reconnect: false };
const MISCONFIGURED = { kind: 'misconfigured', reason: 'why' } as const;
const REJECTED: Outcome = { kind: 'rejected', reason: 'why', badDeviceToken: true };
const GONE: Outcome = { kind: 'gone', reason: 'why', sinceMs: undefined };

describe('tell', () => {
  test.each<[string, Outcome, Settlement, RegExp]>([
    ['info', { kind: 'delivered' }, { ...OVER, reason: undefined }, /^delivered to Apple$/],
    ['error', RETRY, { ...OVER, gaveUp: true }, /^gave the push up$/],
    ['info', REJECTED, { ...OVER, removeTarget: true }, /device removed$/],
    ['warn', REJECTED, OVER, /^Apple refused the push$/],
    ['warn', REJECTED, { ...OVER, disableTarget: true }, /no more pushes until it registers again$/],
    ['info', GONE, { ...OVER, removeTarget: true }, /device removed$/],
    ['warn', GONE, OVER, /^Apple refused the push$/],
    ['debug', { ...MISCONFIGURED, scope: 'credential' }, WAITS, /^kept$/],
    ['error', { ...MISCONFIGURED, scope: 'topic' }, WAITS, /does not fit the topic/],
    ['warn', RETRY, WAITS, /will be tried again$/],
  ])('%s: %j', (level, outcome, settlement, message) => {
    const log = recordedLog();
    tell(log, PUSH, outcome, settlement);
    expect(log.entries).toEqual([
      {
        level,
        message: expect.stringMatching(message) as string,
        fields: expect.objectContaining({
          user: 'alice',
          deviceToken: 'aa', // which the log redacts
          event: 'MessageNew',
          apnsId: 'id',
          attempt: 2,
          reason: settlement.reason,
        }) as object,
      },
    ]);
  });

  test('what was given up for its age', () => {
    const log = recordedLog();
    tellGivenUp(log, [{ user: 'alice', deviceToken: 'aa', reason: 'never tried' }]);
    expect(log.entries).toEqual([
      {
        level: 'error',
        message: 'gave the push up',
        fields: { user: 'alice', deviceToken: 'aa', reason: 'never tried' },
      },
    ]);
  });
});

test('each outcome has a sentence of its own, with its reason', () => {
  const outcomes: Outcome[] = [RETRY, REJECTED, GONE, { ...MISCONFIGURED, scope: 'topic' }];
  const sentences = outcomes.map(sentence);
  for (const text of sentences) expect(text).toMatch(/\(why\)$/);
  expect(new Set([...sentences, sentence({ kind: 'delivered' })]).size).toBe(5);
});
