import { expect, test } from 'vitest';
import { NOW_MS } from '../../support/store.ts';
import type { Open } from './scene.ts';

const TERMS = { nowMs: NOW_MS, maxEntries: 3 };

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const textOf = (value: Uint8Array | undefined): string | undefined =>
  value && Buffer.from(value).toString('latin1');

/** What a mail server's METADATA does to any store. */
export function metadataContract(open: Open): void {
  test('an entry is kept byte by byte, each user has its own, and the last change of a key holds', async () => {
    const store = await open();
    const odd = bytes('\0\x01\xff\r\n\t');
    const changes = [
      { key: 'priv/a/comment', value: bytes('first') },
      { key: 'priv/a/comment', value: odd },
      { key: 'priv/a/gone', value: bytes('x') },
      { key: 'priv/a/gone', value: undefined },
    ];
    expect(await store.changeMetadata('alice', changes, TERMS)).toBe('changed');
    await store.changeMetadata('bob', [{ key: 'priv/a/comment', value: bytes('') }], TERMS);
    expect(textOf(await store.metadataValue('alice', 'priv/a/comment'))).toBe(textOf(odd));
    expect(textOf(await store.metadataValue('bob', 'priv/a/comment'))).toBe('');
    expect(await store.metadataValue('alice', 'priv/a/gone')).toBeUndefined();
    expect(await store.countMetadata()).toEqual({ entries: 2, users: 2, bytes: 6 });
    await store.changeMetadata('bob', [{ key: 'priv/a/comment', value: undefined }], TERMS);
    expect(await store.metadataValue('bob', 'priv/a/comment')).toBeUndefined();
  });

  test('what lies under a prefix comes by its key, and a wildcard in it stands for itself', async () => {
    const store = await open();
    const keys = ['shared/%/b', 'shared/%/a', 'shared/xx', 'shared'];
    for (const key of keys)
      await store.changeMetadata('', [{ key, value: bytes(key) }], { ...TERMS, maxEntries: 9 });
    const found = await store.metadataUnder('', 'shared/%/');
    expect(found.map(({ key, value }) => `${key} ${textOf(value)}`)).toEqual([
      'shared/%/a shared/%/a',
      'shared/%/b shared/%/b',
    ]);
    expect((await store.metadataUnder('', 'shared')).map(({ key }) => key)).toEqual([
      ...['shared', 'shared/%/a', 'shared/%/b', 'shared/xx'],
    ]);
    expect(await store.metadataUnder('alice', 'shared')).toEqual([]);
  });

  test('who has too many is refused all of it, and may always change or remove', async () => {
    const store = await open();
    const put = (keys: string[], maxEntries = 3): Promise<string> =>
      store.changeMetadata(
        'alice',
        keys.map((key) => ({ key, value: bytes(key) })),
        { ...TERMS, maxEntries },
      );
    expect(await put(['a', 'b', 'c'])).toBe('changed');
    expect(await put(['a', 'd'])).toBe('full');
    expect(await store.metadataValue('alice', 'd')).toBeUndefined();
    expect(await put(['a', 'b'], 1)).toBe('changed'); // the limit has been lowered
    const swapped = [
      { key: 'c', value: undefined },
      { key: 'd', value: bytes('d') },
    ];
    expect(await store.changeMetadata('alice', swapped, TERMS)).toBe('changed');
    expect(await store.countMetadata()).toMatchObject({ entries: 3 });
  });
}
