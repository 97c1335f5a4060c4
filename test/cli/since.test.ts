import { describe, expect, test } from 'vitest';
import { sinceOption } from '../../src/cli/since.ts';

const NOW_MS = new Date(2026, 10, 29, 15, 30, 10).getTime();

describe('--since', () => {
  test.each<[string, Date]>([
    ['1h', new Date(NOW_MS - 3_600_000)],
    ['-2d', new Date(NOW_MS - 2 * 86_400_000)],
    ['1h ago', new Date(NOW_MS - 3_600_000)],
    ['now', new Date(NOW_MS)],
    ['today', new Date(2026, 10, 29)],
    ['yesterday', new Date(2026, 10, 28)],
    ['2026-11-01', new Date(2026, 10, 1)],
    ['2026-11-01 14:00', new Date(2026, 10, 1, 14)],
    ['2026-11-01T14:00:05', new Date(2026, 10, 1, 14, 0, 5)],
    ['2026-11-01T14:00:05Z', new Date(Date.UTC(2026, 10, 1, 14, 0, 5))],
    ['14:00', new Date(2026, 10, 29, 14)],
    ['09:05:07', new Date(2026, 10, 29, 9, 5, 7)],
    [' 2028-02-29 ', new Date(2028, 1, 29)],
  ])('%s', (text, want) => {
    expect(new Date(sinceOption(text, NOW_MS))).toEqual(want);
  });

  test.each([
    '',
    'soon',
    '1',
    '1w',
    '2026-02-30',
    '2026-13-01',
    '24:00',
    '14',
    '2026-11-0114:00',
    'Z',
    '-1h ago',
  ])('%j is refused', (text) => {
    expect(() => sinceOption(text, NOW_MS)).toThrow(`--since is ${JSON.stringify(text)}, expected a time`);
  });
});
