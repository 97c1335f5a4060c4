import { expect, test } from 'vitest';
import { commitReply, entriesReply, failureReply, valueReply } from '../../src/doors/dict-reply.ts';

test.each([
  [valueReply(undefined), 'N\n'],
  [valueReply(Buffer.from('')), 'O\n'],
  [valueReply(Buffer.from('a\0\x01\t\r\n\xff', 'latin1')), 'Oa\x010\x011\x01t\x01r\x01n\xff\n'],
  [failureReply('no\tstore'), 'Fno\x01tstore\n'],
  [commitReply({ id: '7', isAsync: false }, { kind: 'kept' }), 'O7\n'],
  [commitReply({ id: '7', isAsync: true }, { kind: 'kept' }), 'AO7\n'],
  [commitReply({ id: '7', isAsync: false }, { kind: 'failed', why: 'too many' }), 'F7\ttoo many\n'],
  [commitReply({ id: '7', isAsync: false }, { kind: 'uncertain', why: 'too late' }), 'W7\ttoo late\n'],
])('an answer is a line: %j', (reply, expected) => {
  expect(reply.toString('latin1')).toBe(expected);
});

const ENTRIES = [
  ['priv/g/', '1'],
  ['priv/g/a', '4'],
  ['priv/g/a/b', '2'],
  ['priv/g/c', '3'],
].map(([key = '', value = '']) => ({ key, value: Buffer.from(value) }));

test.each([
  ['all that lies there', 0, 0, 'Opriv/g/\t1\nOpriv/g/a\t4\nOpriv/g/c\t3\n\n'],
  ['and what lies deeper', 0x01, 0, 'Opriv/g/\t1\nOpriv/g/a\t4\nOpriv/g/a/b\t2\nOpriv/g/c\t3\n\n'],
  ['by the keys', 0x02 | 0x01, 2, 'Opriv/g/\t1\nOpriv/g/a\t4\n\n'],
  ['by the values', 0x04 | 0x01, 3, 'Opriv/g/\t1\nOpriv/g/a/b\t2\nOpriv/g/c\t3\n\n'],
  ['without values, as METADATA is listed', 0x08 | 0x01, 2, 'Opriv/g/\t\nOpriv/g/a\t\n\n'],
  ['the key itself', 0x10, 0, 'Opriv/g/\t1\n\n'],
  ['asynchronously, which makes no difference', 0x20 | 0x10, 0, 'Opriv/g/\t1\n\n'],
])('an iteration gives %s', (_, flags, maxRows, expected) => {
  expect(entriesReply(ENTRIES, { prefix: 'priv/g/', flags, maxRows }).toString()).toBe(expected);
});

test('an iteration of nothing is an empty line', () => {
  expect(entriesReply([], { prefix: 'priv/g/', flags: 9, maxRows: 0 }).toString()).toBe('\n');
});
