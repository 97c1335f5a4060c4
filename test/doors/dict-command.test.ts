import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type DictCommand,
  MAX_KEY_BYTES,
  MAX_VALUE_BYTES,
  readDictCommand,
} from '../../src/doors/dict-command.ts';
import { tabEscaped } from '../../src/doors/dict-escapes.ts';
import { createDictLines, MAX_LINE_BYTES } from '../../src/doors/dict-lines.ts';
import { CAPTURES, conversations } from '../support/dict-wire.ts';

/** What these bytes ask, in these pieces. */
function read(...chunks: (string | Buffer)[]): DictCommand[] {
  const lines = createDictLines();
  return chunks.flatMap((chunk) =>
    [...lines.take(typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk)].map(readDictCommand),
  );
}

const KEY = 'priv/aa892408e7830c6b2c72000083ecc375/comment';

describe('what a real Dovecot asks', () => {
  test.each(CAPTURES)('%s is understood', (name) => {
    const asked = conversations(name)
      .flat()
      .filter(({ by }) => by === 'client')
      .flatMap(({ bytes }) => read(bytes));
    expect(asked.length).toBeGreaterThan(10);
    expect(asked.filter(({ kind }) => kind === 'broken' || kind.startsWith('unfit'))).toEqual([]);
  });
});

describe('a command', () => {
  test.each<[string, string, DictCommand]>([
    ['the hello of 2.3', 'H3\t2\t0\t\tmetadata', { kind: 'hello', user: '' }],
    ['the hello of 2.4', 'H4\t0\t0\t\tmetadata', { kind: 'hello', user: '' }],
    ['one that names the user', 'H2\t0\t0\talice\tmetadata', { kind: 'hello', user: 'alice' }],
    ['a look-up', `L${KEY}\talice`, { kind: 'lookup', key: KEY, user: 'alice' }],
    ['one that names none', `L${KEY}`, { kind: 'lookup', key: KEY, user: undefined }],
    [
      'an iteration',
      'I9\t5\tpriv/g/\talice',
      { kind: 'iterate', flags: 9, maxRows: 5, prefix: 'priv/g/', user: 'alice' },
    ],
    ['a begin', 'B1\talice', { kind: 'begin', id: '1', user: 'alice' }],
    ['the begin of 2.4', 'B1\talice\t0', { kind: 'begin', id: '1', user: 'alice' }],
    [
      'a value with all escapes',
      `S1\t${KEY}\ta\x010b\x011c\x01td\x01re\x01n`,
      { kind: 'change', id: '1', key: KEY, value: Buffer.from('a\0b\x01c\td\re\n') },
    ],
    ['no value at all', `S1\t${KEY}\t`, { kind: 'change', id: '1', key: KEY, value: Buffer.alloc(0) }],
    ['NIL', `U1\t${KEY}`, { kind: 'change', id: '1', key: KEY, value: undefined }],
    ['a commit', 'C12', { kind: 'commit', id: '12', isAsync: false }],
    ['one whose answer comes later', 'D12', { kind: 'commit', id: '12', isAsync: true }],
    ['a roll-back', 'R12', { kind: 'rollback', id: '12' }],
    ['when it was', 'T1\t1700000000\t0', { kind: 'remark' }],
    ['not to be logged', 'V1\t1', { kind: 'remark' }],
    [
      'a user and an entry in UTF-8',
      `L${Buffer.from('priv/g/größe').toString('latin1')}\t${Buffer.from('jürgen').toString('latin1')}`,
      { kind: 'lookup', key: 'priv/g/größe', user: 'jürgen' },
    ],
  ])('%s', (_, line, expected) => {
    expect(read(`${line}\n`)).toEqual([expected]);
  });

  test.each([
    ['a number to add', 'A1\tpriv/g/n\t1', 'unfit change', 'no number'],
    [
      'a value that is too long',
      `S1\t${KEY}\t${'x'.repeat(MAX_VALUE_BYTES + 1)}`,
      'unfit change',
      '4097 bytes',
    ],
    ['a name that is too long', `S1\tpriv/g/${'x'.repeat(MAX_KEY_BYTES)}\tx`, 'unfit change', '1031 bytes'],
    ['a name without a mailbox', 'S1\tpriv/x\tx', 'unfit change', 'without a mailbox'],
    ['a name of neither kind', 'U1\tother/g/x', 'unfit change', 'without a mailbox'],
    ['a name that is not UTF-8', 'S1\tpriv/g/\xff\tx', 'unfit change', 'not UTF-8'],
    ['a name with a NUL', 'S1\tpriv/g/a\x010\tx', 'unfit change', 'not UTF-8'],
    ['a look-up of what is not UTF-8', 'Lpriv/g/\xff\talice', 'unfit question', 'not UTF-8'],
    ['an iteration of it', 'I9\t0\tpriv/\xff\talice', 'unfit question', 'not UTF-8'],
    ['an unknown one', 'Xpriv/g/x\talice', 'broken', '"X"'],
    ['none', '', 'broken', '""'],
    ['an unknown escape', `S1\t${KEY}\ta\x01x`, 'broken', 'escape'],
    ['half an escape', `S1\t${KEY}\ta\x01`, 'broken', 'escape'],
    ['a change without a value', `S1\t${KEY}`, 'broken', 'without a value'],
    ['a commit of nothing', 'C', 'broken', 'without a number'],
    ['a negative number', `S-1\t${KEY}\tx`, 'broken', 'without a number'],
    ['an iteration without numbers', 'Ipriv/g/\talice', 'broken', 'without its numbers'],
    ['a user that is not UTF-8', `L${KEY}\t\xff`, 'broken', 'a user'],
    ['a user whose name is too long', `B1\t${'x'.repeat(513)}`, 'broken', 'a user'],
  ])('%s is told: %s', (_, line, kind, why) => {
    const [command] = read(`${line}\n`);
    expect(command).toEqual(expect.objectContaining({ kind, why: expect.stringContaining(why) as string }));
  });

  test('the longest that is kept is taken', () => {
    const [longest] = read(`S1\t${KEY}\t${'\x01n'.repeat(MAX_VALUE_BYTES)}\n`);
    expect(longest).toMatchObject({ kind: 'change', value: Buffer.alloc(MAX_VALUE_BYTES, '\n') });
  });
});

describe('a line without end', () => {
  const rest = 'x'.repeat(MAX_LINE_BYTES);

  test.each([
    ['of a change spoils its transaction', 'S17\tpriv/g/x\t', { kind: 'unfit change', id: '17' }],
    ['of a look-up fails it', 'Lpriv/g/', { kind: 'unfit question' }],
    ['of another command ends the connection', 'B1\t', { kind: 'broken' }],
  ])('%s', (_, begin, expected) => {
    const chunks = [begin, rest, rest, rest, '\nR1\n'];
    expect(read(...chunks)).toEqual([expect.objectContaining(expected), { kind: 'rollback', id: '1' }]);
  });

  test('is not held', () => {
    const lines = createDictLines();
    expect([...lines.take(Buffer.from(rest))]).toEqual([]);
    expect(lines.heldBytes()).toBe(MAX_LINE_BYTES);
    for (let n = 0; n < 3; n += 1) {
      expect([...lines.take(Buffer.from(rest))]).toEqual([]);
      expect(lines.heldBytes()).toBe(64);
    }
    expect([...lines.take(Buffer.from('\n'))]).toEqual([{ bytes: Buffer.alloc(64, 'x'), isWhole: false }]);
    expect(lines.heldBytes()).toBe(0);
  });
});

test('whatever is set is read again, however it comes in pieces', () => {
  const entries = fc.array(fc.tuple(fc.string(), fc.uint8Array({ maxLength: 200 })), { maxLength: 5 });
  fc.assert(
    fc.property(entries, fc.array(fc.nat()), (set, cuts) => {
      const wanted = set.map(([name, value]) => ({
        ...{ kind: 'change', id: '1', key: `priv/g/x${name.toWellFormed().replaceAll('\0', '')}` },
        value: Buffer.from(value),
      }));
      const lines = wanted.map(({ key, value }) => `S1\t${latin1(key)}\t${latin1(value)}\n`);
      expect(read(...inPieces(Buffer.from(lines.join(''), 'latin1'), cuts))).toEqual(wanted);
    }),
    { numRuns: 200 },
  );
});

function latin1(field: string | Buffer): string {
  return tabEscaped(Buffer.from(field as string).toString('latin1'));
}

function inPieces(bytes: Buffer, cuts: number[]): Buffer[] {
  const ends = [...new Set(cuts.map((at) => at % (bytes.length + 1)))].sort((one, other) => one - other);
  return [0, ...ends].map((start, index) => bytes.subarray(start, ends[index]));
}
