import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffMs } from '../../src/outbox/backoff.ts';
import type { ServiceOutcome } from '../../src/services/service.ts';
import {
  type NoticeAge,
  type NoticeRules,
  type NoticeSettlement,
  settlementOfNotice,
} from '../../src/services/settlement.ts';

const NOW_MS = 1_796_000_000_000;
const HOUR_MS = 3_600_000;

function settled(
  outcome: ServiceOutcome,
  age: Partial<NoticeAge> = {},
  rules: Partial<NoticeRules> = {},
): NoticeSettlement {
  const whole = { attempts: 1, eventMs: NOW_MS - 10, enqueuedMs: NOW_MS - 10, ...age };
  return settlementOfNotice(whole, outcome, { nowMs: NOW_MS, giveUpMs: 5 * HOUR_MS, random: 0.5, ...rules });
}

describe('what ends a notice', () => {
  test('is that the service took it', () => {
    const finished = { row: 'finished', removeEndpoint: false, reason: undefined, gaveUp: false };
    expect(settled({ kind: 'delivered' })).toEqual(finished);
  });

  test('is that there is no such endpoint, which goes with it', () => {
    const finished = { row: 'finished', removeEndpoint: true, reason: 'x', gaveUp: false };
    expect(settled({ kind: 'gone', reason: 'x' })).toEqual(finished);
  });

  test('is that the service will never take it, which costs no endpoint', () => {
    const finished = { row: 'finished', removeEndpoint: false, reason: 'x', gaveUp: false };
    expect(settled({ kind: 'rejected', reason: 'x' })).toEqual(finished);
  });
});

describe('what has a notice come again', () => {
  test.each(['retry', 'misconfigured'] as const)('%s does, later each time', (kind) => {
    for (const attempts of [1, 2, 5])
      expect(settled({ kind, reason: 'x' }, { attempts })).toEqual({
        row: { retryAtMs: NOW_MS + backoffMs(attempts, 0.5) },
        removeEndpoint: false,
        reason: 'x',
        gaveUp: false,
      });
  });

  test('not sooner than the service asks', () => {
    const outcome = { kind: 'retry', reason: 'x', afterMs: HOUR_MS } as const;
    expect(settled(outcome).row).toEqual({ retryAtMs: NOW_MS + HOUR_MS });
  });
});

describe('a notice is dropped for its age', () => {
  const asked = { kind: 'retry', reason: 'x', afterMs: HOUR_MS } as const;
  const old = NOW_MS - 4 * HOUR_MS;

  test('where the next attempt would come too late', () => {
    expect(settled(asked, { eventMs: old, enqueuedMs: old })).toEqual({
      row: 'finished',
      removeEndpoint: false,
      reason: 'x',
      gaveUp: true,
    });
    expect(settled(asked, { eventMs: old + 1, enqueuedMs: old }).row).toEqual({
      retryAtMs: NOW_MS + HOUR_MS,
    });
  });

  test('counted from what is later, its event or that it was taken', () => {
    expect(settled(asked, { eventMs: 0, enqueuedMs: old + 1 }).gaveUp).toBe(false);
    expect(settled(asked, { eventMs: old + 1, enqueuedMs: 0 }).gaveUp).toBe(false);
    expect(settled(asked, { eventMs: 0, enqueuedMs: 0 }).gaveUp).toBe(true);
  });
});

test('whatever the answer: only the service itself takes an endpoint away, and nothing is due in the past', () => {
  const outcome = fc.oneof(
    fc.constant<ServiceOutcome>({ kind: 'delivered' }),
    fc
      .constantFrom('gone', 'rejected', 'misconfigured')
      .map((kind): ServiceOutcome => ({ kind, reason: 'x' })),
    fc.nat().map((afterMs): ServiceOutcome => ({ kind: 'retry', reason: 'x', afterMs })),
  );
  const age = fc.record({ attempts: fc.nat(100), eventMs: fc.nat(NOW_MS), enqueuedMs: fc.nat(NOW_MS) });
  fc.assert(
    fc.property(outcome, age, fc.double({ min: 0, max: 0.99, noNaN: true }), (given, old, random) => {
      const { row, removeEndpoint, gaveUp } = settled(given, old, { random });
      expect(removeEndpoint).toBe(given.kind === 'gone');
      if (row !== 'finished') expect(row.retryAtMs).toBeGreaterThan(NOW_MS);
      if (gaveUp) expect(row).toBe('finished');
    }),
  );
});
