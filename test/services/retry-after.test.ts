import { expect, test } from 'vitest';
import { retryAfterMs } from '../../src/services/retry-after.ts';

const NOW_MS = Date.parse('2026-12-01T06:00:00Z');

test.each([
  ['120', 120_000],
  ['0', 0],
  ['99999999999999999999', 86_400_000],
  ['Tue, 01 Dec 2026 06:01:00 GMT', 60_000],
  ['Tue, 01 Dec 2026 05:00:00 GMT', 0],
  ['Tue, 01 Dec 2099 05:00:00 GMT', 86_400_000],
  ['-5', undefined],
  ['1.5', undefined],
  ['soon', undefined],
  ['soon GMT', undefined],
  ['2026', 2_026_000],
  ['', undefined],
  [undefined, undefined],
])('%s asks for %s ms', (value, want) => {
  expect(retryAfterMs(value, NOW_MS)).toBe(want);
});
