import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { instantOf, instantText } from '../../src/transfer/instant.ts';

describe('a time', () => {
  const good = (text: string, want: string): void => {
    test(text, () => {
      expect(new Date(instantOf(text) ?? NaN).toISOString()).toBe(want);
    });
  };
  good('2026-01-31T12:00:00Z', '2026-01-31T12:00:00.000Z');
  good('2026-01-31T12:00:00.5+01:30', '2026-01-31T10:30:00.500Z');
  good('2021-03-04T05:06:07.123987654-08:00', '2021-03-04T13:06:07.123Z');
  good('2024-02-29T23:59:59.999Z', '2024-02-29T23:59:59.999Z');
  good('0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z');
});

describe('no time', () => {
  const bad = (text: string, why: string): void => {
    test(why, () => {
      expect(instantOf(text)).toBeUndefined();
    });
  };
  bad('', 'empty');
  bad('2026-01-31', 'a day alone');
  bad('2026-01-31T12:00:00', 'no zone');
  bad('2026-01-31 12:00:00Z', 'a space');
  bad('2025-02-29T12:00:00Z', 'a day that there is not');
  bad('2026-13-01T12:00:00Z', 'a month that there is not');
  bad('2026-01-31T25:00:00Z', 'an hour that there is not');
  bad('1763654325123', 'milliseconds');
  bad('2026-01-31T12:00:00.Z', 'a fraction of nothing');
  bad('x2026-01-31T12:00:00Z', 'something before it');
});

test('every time is read as it is written', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }), (ms) => {
      expect(instantOf(instantText(ms))).toBe(ms);
    }),
  );
});

test('nothing makes it fail', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const ms = instantOf(text);
      expect(ms === undefined || Number.isInteger(ms)).toBe(true);
    }),
  );
});
