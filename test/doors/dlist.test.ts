import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { createDlistParser, type DlistItem, type DlistValue } from '../../src/doors/dlist.ts';

const LIMITS = { literalBytes: 300_000, syntaxBytes: 1000, depth: 3 };

/** Of 3.6.1 and of 3.10.2. */
const fixtures = new URL('../fixtures/', import.meta.url);
const CAPTURES = ['cyrus', 'cyrus310'].flatMap((folder) =>
  readdirSync(new URL(folder, fixtures))
    .filter((name) => /^dlist-.*\.bin$/.test(name))
    .map((name) => `${folder}/${name}`),
);

function bytesOf(name: string): Buffer {
  return readFileSync(new URL(name, fixtures));
}

/** What the parser gives for these chunks, one after the other. */
function parsed(...chunks: (string | Buffer)[]): DlistItem[] {
  const parser = createDlistParser(LIMITS);
  return chunks.flatMap((chunk) => [...parser.parse(Buffer.from(chunk))]);
}

function splitAt(bytes: Buffer, positions: number[]): Buffer[] {
  const ends = [...new Set(positions.map((at) => at % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...ends].map((start, index) => bytes.subarray(start, ends[index]));
}

/** In a form that is quick to compare. */
function shown(items: DlistItem[]): string[] {
  return items.map((item) =>
    item.kind === 'command' ? `${item.name} ${written(item.value, true)}` : item.kind,
  );
}

/** As Cyrus writes it; strings as literals where `literals`, else quoted. */
function written(value: DlistValue, literals: boolean): string {
  if (value === null) return 'NIL';
  if (Array.isArray(value)) return `(${value.map((one) => written(one, literals)).join(' ')})`;
  if (value instanceof Map)
    return `%(${[...value].map(([key, one]) => `${key} ${written(one, literals)}`).join(' ')})`;
  const text = value.toString('latin1');
  return literals ? `{${value.length}+}\r\n${text}` : `"${text.replace(/["\\]/g, '\\$&')}"`;
}

describe('captures of a real Cyrus', () => {
  it.each(CAPTURES)('%s', (name) => {
    const bytes = bytesOf(name);
    const [command, ...others] = parsed(bytes);
    expect(others).toEqual([]);
    if (command?.kind !== 'command' || !(command.value instanceof Map))
      throw new Error('no NOTIFY with keys');
    expect(command.name).toBe('NOTIFY');
    const { value } = command;
    expect([...value.keys()].join(' ')).toBe('METHOD CLASS PRIORITY USER MAILBOX OPTIONS MESSAGE FILEPATH');
    const message = value.get('MESSAGE') as Buffer;
    expect(
      bytes.includes(
        Buffer.concat([Buffer.from(`{${message.length}+}\r\n`), message, Buffer.from(' FILEPATH ')]),
      ),
    ).toBe(true);
    const isEvent = !name.includes('class');
    expect(message.toString('latin1').startsWith('{"event":')).toBe(isEvent);
  });

  it('gives every value', () => {
    expect(parsed(bytesOf('cyrus/dlist-class-SIEVE.bin'))).toEqual([
      {
        kind: 'command',
        name: 'NOTIFY',
        value: new Map<string, DlistValue>([
          ['METHOD', Buffer.from('mailto')],
          ['CLASS', Buffer.from('SIEVE')],
          ['PRIORITY', Buffer.from('normal')],
          ['USER', Buffer.from('alice')],
          ['MAILBOX', null],
          ['OPTIONS', [Buffer.from('x@example.net')]],
          ['MESSAGE', Buffer.from('New mail from test\n\nAction(s) taken:\nKept\n')],
          ['FILEPATH', Buffer.from('/var/cyruslab/state/spool/stage./8220-1795178255-0')],
        ]),
      },
    ]);
  });

  test.each(CAPTURES.filter((name) => bytesOf(name).length < 1000))('%s cut at every byte', (name) => {
    const bytes = bytesOf(name);
    const whole = shown(parsed(bytes));
    for (let at = 0; at <= bytes.length; at += 1)
      expect(shown(parsed(bytes.subarray(0, at), bytes.subarray(at)))).toEqual(whole);
    expect(shown(parsed(...Array.from(bytes, (byte) => Buffer.from([byte]))))).toEqual(whole);
  });

  test('several on one connection, cut anywhere', () => {
    const all = Buffer.concat(CAPTURES.map(bytesOf));
    const whole = shown(parsed(all));
    expect(whole).toHaveLength(CAPTURES.length);
    fc.assert(
      fc.property(fc.array(fc.nat(all.length), { maxLength: 40 }), (positions) => {
        expect(shown(parsed(...splitAt(all, positions)))).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });
});

describe('values', () => {
  const a = Buffer.from('a');
  test.each<[string, DlistValue]>([
    ['a', a],
    ['NIL', null],
    ['nil', Buffer.from('nil')],
    ['"NIL"', Buffer.from('NIL')],
    ['{3+}\r\nNIL', Buffer.from('NIL')],
    ['NILS', Buffer.from('NILS')],
    ['42', Buffer.from('42')],
    ['\\Seen', Buffer.from('\\Seen')],
    ['/a/b.c', Buffer.from('/a/b.c')],
    ['\u00e4', Buffer.from('\u00e4')],
    ['""', Buffer.alloc(0)],
    ['"a b"', Buffer.from('a b')],
    ['"(\\"\\\\%{\\")"', Buffer.from('("\\%{")')],
    ['{0+}\r\n', Buffer.alloc(0)],
    ['{1+}\na', a],
    ['{001+}\r\na', a],
    ['{4+}\r\n\r\n)\0', Buffer.from('\r\n)\0')],
    ['()', []],
    ['%()', new Map()],
    ['(a)', [a]],
    ['(a NIL "a" {1+}\r\na ())', [a, null, a, a, []]],
    [
      '%(K a L (a) M %(N NIL))',
      new Map<string, DlistValue>([
        ['K', a],
        ['L', [a]],
        ['M', new Map([['N', null]])],
      ]),
    ],
    [
      '%("K" a {1+}\r\nL a)',
      new Map([
        ['K', a],
        ['L', a],
      ]),
    ],
    ['(((a)))', [[[a]]]],
  ])('%j', (text, value) => {
    expect(parsed(`C ${text}\r\n`)).toEqual([{ kind: 'command', name: 'C', value }]);
    expect(parsed(`C ${text}\n`)).toEqual([{ kind: 'command', name: 'C', value }]);
  });

  test('a synchronising literal asks to go on, once its announcement is complete', () => {
    const value = Buffer.from('a');
    const command = { kind: 'command', name: 'C', value };
    expect(parsed('C {1}\r')).toEqual([]);
    expect(parsed('C {1}\r\n')).toEqual([{ kind: 'go ahead?' }]);
    expect(parsed('C {1}\r\n', 'a\r\n')).toEqual([{ kind: 'go ahead?' }, command]);
    expect(parsed('C ({1}\r\na {1}\r\n', 'a)\r\n')).toEqual([
      { kind: 'go ahead?' },
      { kind: 'go ahead?' },
      { ...command, value: [value, value] },
    ]);
  });

  test('whatever is written is read', () => {
    const { value } = fc.letrec<{ value: DlistValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constant(null),
        fc.uint8Array({ max: 127, min: 14, maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
        fc.array(tie('value'), { maxLength: 4 }),
        fc
          .uniqueArray(fc.tuple(fc.stringMatching(/^[A-Z]{1,4}$/), tie('value')), {
            selector: ([key]) => key,
            maxLength: 4,
          })
          .map((entries) => new Map(entries)),
      ),
    }));
    const limits = { literalBytes: 100_000, syntaxBytes: 100_000, depth: 10 };
    fc.assert(
      fc.property(value, fc.boolean(), fc.array(fc.nat(10_000)), (one, literals, positions) => {
        const bytes = Buffer.from(`C ${written(one, literals)}\r\n`, 'latin1');
        const parser = createDlistParser(limits);
        const items = splitAt(bytes, positions).flatMap((chunk) => [...parser.parse(chunk)]);
        expect(items).toEqual([{ kind: 'command', name: 'C', value: one }]);
        expect(parser.heldBytes()).toBe(0);
      }),
    );
  });
});

describe('what is broken', () => {
  test.each<[string, string]>([
    ['\r\n', 'byte 0x0d where a value is expected'],
    [' C a\r\n', 'byte 0x20 where a value is expected'],
    ['(C) a\r\n', 'byte 0x28 where a value is expected'],
    ['C\r\n', 'a space after the name'],
    ['C \r\n', 'byte 0x0d where a value is expected'],
    ['C  a\r\n', 'byte 0x20 where a value is expected'],
    ['C a b\r\n', 'byte 0x20 where the end of the line'],
    ['C a\r\r\n', 'byte 0x0d where the end of the line'],
    ['C a)\r\n', 'byte 0x29 where the end of the line'],
    ['C a"\r\n', 'byte 0x22 where the end of the line'],
    ['C a\0b\r\n', 'byte 0x00 where the end of the line'],
    ['C (a\r\n)', 'byte 0x0d where a space or the end of a list'],
    ['C (a  b)\r\n', 'byte 0x20 where a value is expected'],
    ['C ( a)\r\n', 'byte 0x20 where a value is expected'],
    ['C (a )\r\n', 'byte 0x29 where a value is expected'],
    ['C (a(b))\r\n', 'byte 0x28 where a space or the end of a list'],
    ['C %a\r\n', 'a parenthesis after a percent sign'],
    ['C %{default 12 3}\r\n', 'a parenthesis after a percent sign'],
    ['C %(K)\r\n', 'byte 0x29 where a space after a key'],
    ['C %(K a L)\r\n', 'byte 0x29 where a space after a key'],
    ['C %((a) b)\r\n', 'byte 0x28 where a value is expected'],
    ['C %(K a K a)\r\n', 'a key that is given twice'],
    ['C "a\r\n"\r\n', 'byte 0x0d where the end of a quoted string'],
    ['C "a\0"\r\n', 'byte 0x00 where the end of a quoted string'],
    ['C {}\r\n', 'byte 0x7d where the length of a literal'],
    ['C {+}\r\n', 'byte 0x2b where the length of a literal'],
    ['C {-1}\r\n', 'byte 0x2d where the length of a literal'],
    ['C {x}\r\n', 'byte 0x78 where the length of a literal'],
    ['C {0x10+}\r\n', 'byte 0x78 where the closing brace'],
    ['C {1 }\r\n', 'byte 0x20 where the closing brace'],
    ['C {1++}\r\n', 'byte 0x2b where the closing brace'],
    ['C {1e3+}\r\n', 'byte 0x65 where the closing brace'],
    ['C {1+}a\r\n', 'byte 0x61 where the end of the line'],
    ['C {1+}\r\nab\r\n', 'byte 0x62 where the end of the line'],
    ['C {3+}\r\na\r\nD b\r\n', 'byte 0x44 where the end of the line'],
    ['C {300001+}\r\n', 'literals of more than 300000 bytes'],
    ['C {99999999999999999999999999+}\r\n', 'literals of more than 300000 bytes'],
    ['C {18446744073709551617+}\r\n', 'literals of more than 300000 bytes'],
    ['C ((((a))))\r\n', 'more than 3 lists in each other'],
    ['C %(A %(B %(C %(D a))))\r\n', 'more than 3 lists in each other'],
    ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'byte 0x20 where the end of the line'],
    ['\x16\x03\x01\x02\0', 'byte 0x16 where a value is expected'],
  ])('%j', (text, why) => {
    const items = parsed(Buffer.from(text, 'latin1'));
    expect(items.at(-1)).toMatchObject({ kind: 'broken', why: expect.stringContaining(why) as string });
    expect(parsed(...Array.from(Buffer.from(text, 'latin1'), (byte) => Buffer.from([byte])))).toEqual(items);
  });

  test.each<[string, string, string]>([
    ['lists', `C ${'('.repeat(999)}`, 'more than 3 lists in each other'],
    ['an atom', `C ${'a'.repeat(1001)}`, 'more than 1000 bytes without its literals'],
    ['a quoted string', `C "${'\\a'.repeat(501)}`, 'more than 1000 bytes without its literals'],
    ['a list', `C (${'() '.repeat(400)}`, 'more than 1000 bytes without its literals'],
    ['a name', 'C'.repeat(1001), 'more than 1000 bytes without its literals'],
    ['two literals', `C ({300000+}\r\n${'x'.repeat(300_000)} {1+}\r\n`, 'literals of more than 300000 bytes'],
  ])('too much: %s', (_what, text, why) => {
    expect(parsed(text)).toEqual([{ kind: 'broken', why: expect.stringContaining(why) as string }]);
  });

  test('is the last thing that is read', () => {
    const parser = createDlistParser(LIMITS);
    expect([...parser.parse(Buffer.from('C a\r\n)C a\r\n'))].map(({ kind }) => kind)).toEqual([
      'command',
      'broken',
    ]);
    expect([...parser.parse(Buffer.from('C a\r\n'))]).toEqual([]);
    expect(parser.heldBytes()).toBe(0);
  });

  test('garbage is either broken or waits for more, and never repeats what it read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (garbage) => {
        const [last] = parsed(Buffer.from([...garbage, 0x0a])).slice(-1);
        if (last?.kind === 'broken') expect(last.why).toMatch(/^[\x20-\x21\x23-\x7e]{1,120}$/);
      }),
      { numRuns: 500 },
    );
  });

  test('a capture with a byte of its head changed gives no second command', () => {
    const bytes = bytesOf('cyrus/dlist-MessageNew.bin');
    const literalAt = bytes.indexOf('\r\n') + 2;
    fc.assert(
      fc.property(fc.nat(literalAt - 1), fc.nat(255), (at, byte) => {
        const changed = Buffer.from(bytes);
        changed[at] = byte;
        const items = parsed(changed);
        expect(items.length).toBeLessThanOrEqual(2);
        for (const item of items) if (item.kind === 'command') expect(item.value).toBeInstanceOf(Map);
      }),
      { numRuns: 500 },
    );
  });
});

describe('held memory', () => {
  const held = (text: string): number => {
    const parser = createDlistParser(LIMITS);
    expect([...parser.parse(Buffer.from(text))].filter(({ kind }) => kind === 'broken')).toEqual([]);
    return parser.heldBytes();
  };

  test('is nothing between commands, and grows with what is not complete', () => {
    expect(held('')).toBe(0);
    expect(held('C a\r\n')).toBe(0);
    expect(held('C a')).toBeGreaterThan(3);
    expect(held('C a\r\nC (a a')).toBeGreaterThan(held('C a\r\nC (a'));
  });

  test('counts a literal from its announcement on', () => {
    expect(held('C {200000+}\r\n')).toBeGreaterThan(200_000);
    expect(held('C {200000+}\r\nxxx')).toBe(held('C {200000+}\r\n'));
  });
});
