import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  columnsOf,
  fitted,
  folded,
  foldedToCopy,
  padded,
  wrapped,
  wrappedToCopy,
} from '../../src/terminal/columns.ts';

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

describe('foldedToCopy', () => {
  test('keeps a command on one line, also where that is the next one', () => {
    expect(foldedToCopy('let them read it: chmod -R a+rX /opt/x; folders above need chmod a+x', 36)).toEqual([
      'let them read it:',
      'chmod -R a+rX /opt/x; folders above',
      'need chmod a+x',
    ]);
    expect(foldedToCopy('try again with `xapplepush flush --all` now', 24)).toEqual([
      'try again with',
      '`xapplepush flush --all`',
      'now',
    ]);
  });

  test('leaves what is longer than a line to the terminal, since a copy has no line break then', () => {
    expect(foldedToCopy('make it: install -d -m 0750 -o cyrus -g mail /var/lib/xapplepush', 20)).toEqual([
      'make it:',
      'install -d -m 0750 -o cyrus -g mail /var/lib/xapplepush',
    ]);
  });

  test('breaks prose as ever', () => {
    const prose = 'the program cannot install what it needs: it has no rights';
    expect(foldedToCopy(prose, 20)).toEqual(folded(prose, 20));
  });
});

test('wrappedToCopy keeps a command on one line where it fits there', () => {
  const text = 'let them read it: chmod -R a+rX /opt/x';
  expect(wrappedToCopy(text, 22)).toEqual(['let them read it:', 'chmod -R a+rX /opt/x']);
  expect(wrappedToCopy(text, 16)).toEqual(['let them read', 'it: chmod -R', 'a+rX /opt/x']);
});

describe('fitted', () => {
  test('indents what goes on below, each line by its own', () => {
    expect(fitted('one two three four\n  five six seven eight\nnine\n', 14)).toBe(
      'one two\n  three four\n  five six\n    seven\n    eight\nnine\n',
    );
  });

  test('sets a value under its beginning', () => {
    expect(fitted('  key    one two three four five\na pair  that is known as such', 27)).toBe(
      '  key    one two three four\n         five\na pair  that is known as\n        such',
    );
  });

  test('leaves what fits, and everything where there is no end of columns', () => {
    expect(fitted('one  two\n', 8)).toBe('one  two\n');
    expect(fitted('one two three', Infinity)).toBe('one two three');
  });
});
