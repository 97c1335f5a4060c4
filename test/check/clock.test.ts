import { expect, test } from 'vitest';
import { judgeClock, judgeTimes } from '../../src/check/clock.ts';

const DAY_MS = 24 * 3600 * 1000;
const NOW_MS = Date.parse('2026-11-30T12:00:00Z');
const CERTIFICATE = { notBeforeMs: NOW_MS - 100 * DAY_MS, notAfterMs: NOW_MS + 265 * DAY_MS };

const judged = (nowMs: number, certificates = [CERTIFICATE]): string => {
  const { state, text, fix } = judgeClock(nowMs, { installedMs: NOW_MS - 200 * DAY_MS, certificates });
  return `${state}: ${text}${fix === null ? '' : ` → ${fix}`}`;
};

test('a clock that may be right says what it says', () => {
  expect(judged(NOW_MS)).toBe('ok: 2026-11-30T12:00:00Z');
  expect(judged(NOW_MS, [])).toMatch(/^ok/);
  expect(judged(NOW_MS + 400 * DAY_MS)).toMatch(/^ok/); // renewed late
});

test('before the program was installed, it is wrong', () => {
  expect(judged(Date.parse('1970-01-01T00:05:00Z'))).toMatch(
    /^problem: it says 1970-01-01T00:05:00Z, which is before this program was installed.*→ see timedatectl/,
  );
});

test('before the certificate was issued, it is wrong', () => {
  expect(judged(NOW_MS - 150 * DAY_MS)).toMatch(/^problem: .*before the certificate was issued/);
});

test('years after the certificate ended, it may be wrong', () => {
  expect(judged(NOW_MS + 3000 * DAY_MS)).toMatch(/^warning: .*years after the certificate ended/);
});

test('times in the database that are to come', () => {
  expect(judgeTimes(0)).toEqual([]);
  expect(judgeTimes(2)).toMatchObject([{ point: 'target times', state: 'warning' }]);
});
