import { describe, expect, test } from 'vitest';
import { readDictFile } from '../../src/doors/dict-file.ts';

function good(text: string, ...want: (readonly [key: string, value: string])[]): void {
  const { entries, bad } = readDictFile(Buffer.from(text));
  expect(entries.map(({ key, value }) => [key, value.toString()])).toEqual(want);
  expect(bad).toEqual([]);
}

function bad(text: string, line: number, why: string): void {
  expect(readDictFile(Buffer.from(text)).bad).toEqual([{ line, why }]);
}

describe('a dict file of Dovecot', () => {
  test('has names and values in turn, with what a line cannot hold escaped', () => {
    // As Dovecot 2.3.19.1 has written it.
    good(
      'priv/783b391073c90e6be461000083ecc375/comment\na\x01ttab and\x01na line\nshared/783b391073c90e6be461000083ecc375/x\ntwo\n',
      ['priv/783b391073c90e6be461000083ecc375/comment', 'a\ttab and\na line'],
      ['shared/783b391073c90e6be461000083ecc375/x', 'two'],
    );
    good('');
    good('priv/g/ü\nä\n', ['priv/g/ü', 'ä']);
    good('priv/g/empty\n\n', ['priv/g/empty', '']);
  });

  test('says which line holds nothing that can be kept, and gives the rest', () => {
    bad('priv/g/a\n', 1, 'the name of an entry without a value');
    bad('priv/g/a\n1\npriv/g/b\nx\x01q\n', 3, 'an escape that there is not');
    bad('comment\nx\n', 1, 'the name of an entry without a mailbox: expected priv/… or shared/…');
    bad(`priv/g/a\n${'x'.repeat(4097)}\n`, 1, 'a value has 4097 bytes, 4096 at most are kept');
    expect(readDictFile(Buffer.from('no\nx\npriv/g/a\n1\n')).entries).toHaveLength(1);
  });
});
