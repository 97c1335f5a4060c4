import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeModifiedUtf7, encodeModifiedUtf7 } from '../../src/mailboxes/modified-utf7.ts';

const good: [encoded: string, decoded: string][] = [
  ['INBOX', 'INBOX'],
  ['', ''],
  ['&AOQ-rger', 'ärger'],
  ['&ZeVnLIqe-', '日本語'],
  ['~peter/mail/&U,BTFw-/&ZeVnLIqe-', '~peter/mail/台北/日本語'],
  ['&2D3eAA-', '\u{1F600}'],
  ['A&-B', 'A&B'],
  ['&-&-', '&&'],
  ['&AOQ-&-', 'ä&'],
  ["It's #1 (x)=?+", "It's #1 (x)=?+"],
  ['&AAo-', '\n'],
];

describe('decodeModifiedUtf7', () => {
  it.each(good)('%s is %j', (encoded, decoded) => {
    expect(decodeModifiedUtf7(encoded)).toBe(decoded);
    expect(encodeModifiedUtf7(decoded)).toBe(encoded);
  });

  it('takes raw characters beyond ASCII as they are', () => {
    expect(decodeModifiedUtf7('ärger/\u{1F600}&AOQ-')).toBe('ärger/\u{1F600}ä');
  });

  it.each([
    ['A&B', 'a shift without an end'],
    ['&', 'a shift alone'],
    ['&AOQ', 'a shift cut off'],
    ['&AO-', 'half a UTF-16 unit'],
    ['&A-', 'less than a byte'],
    ['&AOR-', 'padding bits that are not zero'],
    ['&AOQ=-', 'padding characters'],
    ['&AO/-', 'the slash of plain base64'],
    ['&AEE-', 'an encoded printable character'],
    ['&AOQ-&AOQ-', 'a superfluous shift'],
    ['&2D0-', 'a lone high surrogate'],
    ['&3gA-', 'a lone low surrogate'],
    ['&AAA-', 'NUL'],
    ['a\nb', 'a raw line break'],
    ['a\0b', 'a raw NUL'],
    ['a\ud800b', 'a raw lone surrogate'],
    ['&ä-', 'no base64'],
  ])('refuses %j: %s', (name) => {
    expect(decodeModifiedUtf7(name)).toBeUndefined();
  });

  it('gives back every name that was encoded, in printable ASCII', () => {
    const text = fc.string({ unit: 'binary' }).filter((name) => !name.includes('\0'));
    fc.assert(
      fc.property(text, (name) => {
        const encoded = encodeModifiedUtf7(name);
        expect(encoded).toMatch(/^[\x20-\x7e]*$/);
        expect(decodeModifiedUtf7(encoded)).toBe(name);
      }),
    );
  });

  it('decodes only what encoding gives', () => {
    const name = fc.string({ unit: fc.constantFrom(...Array.from('&&--AOQUB,w3+ ab/')) });
    fc.assert(
      fc.property(name, (ascii) => {
        const decoded = decodeModifiedUtf7(ascii);
        expect(decoded === undefined ? ascii : encodeModifiedUtf7(decoded)).toBe(ascii);
      }),
      { numRuns: 2000 },
    );
  });
});
