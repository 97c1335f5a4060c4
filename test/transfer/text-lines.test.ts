import { expect, test } from 'vitest';
import { textLines, wholeText } from '../../src/transfer/text-lines.ts';

const NOT_UTF8 = Buffer.from([0x61, 0xff]);

function pieces(...texts: (string | Buffer)[]): Buffer[] {
  return texts.map((text) => Buffer.from(text));
}

test('lines have their places, and one that cannot be read spoils no other', () => {
  expect([...textLines(pieces('a\n\nlong', 'er\n', NOT_UTF8, '\nb'), 4)]).toEqual([
    { place: 1, text: 'a' },
    { place: 2, text: '' },
    { place: 3, fault: { reason: 'longer than 4 bytes' } },
    { place: 4, fault: { reason: 'not UTF-8' } },
    { place: 5, text: 'b' },
  ]);
});

test('a whole text comes in pieces, which may part a character', () => {
  const [first, second] = [Buffer.from('\ufeffEntwürfe').subarray(0, 8), Buffer.from('Entwürfe').subarray(5)];
  expect(wholeText(pieces(first, second), 100)).toEqual({ text: 'Entwürfe' });
  expect(wholeText([], 100)).toEqual({ text: '' });
  expect(wholeText(pieces(NOT_UTF8), 100)).toEqual({ fault: { reason: 'not UTF-8' } });
});

test('no more of a text is read than it may have', () => {
  const endless = function* (): Generator<Buffer> {
    for (;;) yield Buffer.alloc(10);
  };
  expect(wholeText(endless(), 25)).toEqual({ fault: { reason: 'longer than 25 bytes' } });
});
