import fc from 'fast-check';
import { expect, test } from 'vitest';
import { safeJson } from '../../src/process/safe-json.ts';

const RAW = /[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom(
      '\u001b',
      '\u0085',
      '\u009b',
      '\u061c',
      '\u202e',
      '\u2067',
      '\u2028',
      '\u{e0001}',
      'a',
    ),
  }),
);

test('no control, direction or line-separating character is raw, and the value stays what it is', () => {
  fc.assert(
    fc.property(fc.dictionary(texts, fc.oneof(texts, fc.array(texts))), fc.boolean(), (value, indented) => {
      const text = safeJson(value, indented ? 2 : undefined);
      expect(text).not.toMatch(RAW);
      expect(JSON.stringify(JSON.parse(text))).toBe(JSON.stringify(value));
    }),
  );
});
