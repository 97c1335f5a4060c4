import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../src/config/duration.ts';

describe('parseDuration', () => {
  const good = (text: string, wantMs: number): void => {
    it(`takes ${text}`, () => {
      expect(parseDuration(text)).toBe(wantMs);
    });
  };
  good('0s', 0);
  good('10s', 10_000);
  good('5m', 300_000);
  good('24h', 86_400_000);
  good('10d', 864_000_000);
  good('007s', 7_000);
  good('9007199254740s', 9_007_199_254_740_000);

  const bad = (text: string, why: string): void => {
    it(`refuses ${JSON.stringify(text)}: ${why}`, () => {
      expect(parseDuration(text)).toBeUndefined();
    });
  };
  bad('', 'empty');
  bad('10', 'no unit');
  bad('s', 'no number');
  bad('10 s', 'a space');
  bad('10s ', 'a space at the end');
  bad('10s\n', 'a newline');
  bad('1.5h', 'a fraction');
  bad('-1s', 'a sign');
  bad('+1s', 'a sign');
  bad('1e3s', 'an exponent');
  bad('10S', 'a unit in capitals');
  bad('10ms', 'milliseconds');
  bad('1w', 'weeks');
  bad('1h30m', 'two units');
  bad('١s', 'digits of another script');
  bad('9007199254741s', 'more than a number holds exactly');
  bad(`${'9'.repeat(400)}d`, 'infinite');

  it('gives whole milliseconds or nothing for any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\d{1,40}[smhd]$/)), (text) => {
        const ms = parseDuration(text);
        expect(ms === undefined || (Number.isSafeInteger(ms) && ms >= 0)).toBe(true);
      }),
    );
  });
});

describe('formatDuration', () => {
  it('takes the largest unit without a fraction', () => {
    const texts = [0, 1_000, 90_000, 60_000, 5_400_000, 7_200_000, 86_400_000].map(formatDuration);
    expect(texts).toEqual(['0s', '1s', '90s', '1m', '90m', '2h', '1d']);
  });

  it('rounds to whole seconds', () => {
    expect([499, 500, 59_999].map(formatDuration)).toEqual(['0s', '1s', '1m']);
  });

  it('gives what parseDuration reads back', () => {
    fc.assert(
      fc.property(fc.nat(), (seconds) => {
        expect(parseDuration(formatDuration(seconds * 1000))).toBe(seconds * 1000);
      }),
    );
  });
});
