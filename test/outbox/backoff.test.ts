import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BACKOFF_S, backoffMs, JITTER } from '../../src/outbox/backoff.ts';

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('backoffMs', () => {
  test.each(BACKOFF_S.map((seconds, index) => [index + 1, seconds] as const))(
    'after %d attempts: %d seconds in the middle',
    (attempts, seconds) => {
      expect(backoffMs(attempts, 0.5)).toBe(seconds * 1000);
    },
  );

  test('the intervals grow from seconds to an hour', () => {
    expect(BACKOFF_S).toEqual([...BACKOFF_S].sort((a, b) => a - b));
    expect(new Set(BACKOFF_S).size).toBe(BACKOFF_S.length);
    expect([BACKOFF_S[0], BACKOFF_S.at(-1)]).toEqual([2, 3600]);
  });

  test('the last interval repeats', () => {
    expect(backoffMs(1000, 0.5)).toBe(3_600_000);
  });

  test('chance moves it by a fifth at most, either way', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), random, (attempts, chance) => {
        const middleMs = (BACKOFF_S[Math.min(attempts, BACKOFF_S.length) - 1] ?? 0) * 1000;
        const ms = backoffMs(attempts, chance);
        expect(Number.isInteger(ms)).toBe(true);
        expect(ms).toBeGreaterThanOrEqual(middleMs * (1 - JITTER));
        expect(ms).toBeLessThanOrEqual(middleMs * (1 + JITTER));
      }),
    );
    expect(backoffMs(3, 0)).toBe(12_000);
    expect(backoffMs(3, 1 - Number.EPSILON)).toBe(18_000);
  });

  test('never sooner than Apple asked for', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        random,
        fc.nat(10_000_000),
        (attempts, chance, afterMs) => {
          expect(backoffMs(attempts, chance, afterMs)).toBe(Math.max(backoffMs(attempts, chance), afterMs));
        },
      ),
    );
  });
});
