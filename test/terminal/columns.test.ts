import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { columnsOf, folded, padded, wrapped } from '../../src/terminal/columns.ts';

/** A woman, a joiner and a laptop: one picture. */
const JOINED = '\u{1f469}\u200d\u{1f4bb}';

describe('columnsOf', () => {
  test.each([
    ['', 0],
    ['alice', 5],
    ['Entwürfe', 8],
    ['Entwu\u0308rfe', 8], // the umlaut as a letter and a mark
    ['q\u0323\u0307', 1], // marks for which there is no letter with them
    ['80aa34cb…1234', 13],
    ['山田太郎', 8],
    ['ﾔﾏﾀﾞ', 4],
    ['한글', 4],
    ['한글'.normalize('NFD'), 4],
    ['📨', 2],
    [JOINED, 2],
    ['👍🏽', 2], // a tone of skin
    ['🇯🇵', 2],
    ['❤️', 2],
    ['❤', 1],
  ])('%j: %d', (text, want) => {
    expect(columnsOf(text)).toBe(want);
  });
});

test('padded texts are as wide as each other; what is wider stays as it is', () => {
  for (const text of ['', 'alice', '山田', 'Entwu\u0308rfe', JOINED])
    expect(columnsOf(padded(text, 8))).toBe(8);
  expect(padded('山田太郎', 7)).toBe('山田太郎');
});

describe('wrapped', () => {
  test('breaks at spaces where it can', () => {
    expect(wrapped('one two three', 8)).toEqual(['one two', 'three']);
    expect(wrapped('山田 📨 Entwürfe', 8)).toEqual(['山田 📨', 'Entwürfe']);
  });

  test('breaks what has no space so that each line fits', () => {
    expect(wrapped('山田太郎山田太郎', 5)).toEqual(['山田', '太郎', '山田', '太郎']);
    expect(wrapped('abcdefgh', 3)).toEqual(['abc', 'def', 'gh']);
    expect(wrapped('u\u0308'.repeat(4), 3)).toEqual(['üüü', 'ü']);
  });

  test('leaves a picture of several characters whole between words', () => {
    expect(wrapped(`${JOINED} ${JOINED} ${JOINED}`, 5)).toEqual([`${JOINED} ${JOINED}`, JOINED]);
  });

  test('loses nothing but spaces, and fits', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'B', ' ', '-', 'ä', '山', '郎', '한', '📨', '…') });
    fc.assert(
      fc.property(text, fc.integer({ min: 2, max: 30 }), (whole, columns) => {
        const lines = wrapped(whole, columns);
        expect(lines.join('').replaceAll(' ', '')).toBe(whole.replaceAll(' ', ''));
        for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(columns);
      }),
    );
  });
});

test('folded lines break at spaces alone', () => {
  expect(folded('a longer-than-that b c', 8)).toEqual(['a', 'longer-than-that', 'b c']);
});
