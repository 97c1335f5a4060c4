import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { keyBesideStore, keyFileOf, readOrMakeKey } from '../../../src/services/webpush/key-file.ts';
import { temporaryFolder } from '../../support/store.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = temporaryFolder();
  file = join(folder, 'x.vapid.pem');
});

test('lies beside the store, or where the configuration says', () => {
  const webpush = { enabled: true, allowPrivateAddresses: false, giveUpMs: 1 };
  expect(keyFileOf({ store: '/a/x.db', webpush })).toBe('/a/x.vapid.pem');
  expect(keyFileOf({ store: '/a/x.db', webpush: { ...webpush, keyFile: '/b/key' } })).toBe('/b/key');
});

test('a key beside the store is known by it where no key is configured', () => {
  const store = join(temporaryFolder(), 'x.db');
  const webpush = { enabled: true, giveUpMs: 1, allowPrivateAddresses: false };
  expect(keyBesideStore({ store, webpush })).toBeUndefined();
  const keyFile = keyFileOf({ store, webpush });
  readOrMakeKey(keyFile);
  expect(keyBesideStore({ store, webpush })).toBe(keyFile);
  expect(keyBesideStore({ store, webpush: { ...webpush, keyFile } })).toBeUndefined();
});

test('is made once, for its owner alone, and leaves nothing beside it', () => {
  const { publicKey } = readOrMakeKey(file);
  expect(readOrMakeKey(file).publicKey).toBe(publicKey);
  expect(Buffer.from(publicKey, 'base64url')).toHaveLength(65);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(['x.vapid.pem']);
});

test.skipIf(process.geteuid?.() !== 0)('belongs to the owner of the folder where root makes it', () => {
  chownSync(folder, 1234, 1235);
  readOrMakeKey(file);
  expect(statSync(file)).toMatchObject({ uid: 1234, gid: 1235 });
});

test('what is no key is told, and left as it is', () => {
  writeFileSync(file, 'hunter2\n');
  expect(() => readOrMakeKey(file)).toThrow(`webpush.key_file: ${file} cannot be used: `);
  expect(() => readOrMakeKey(file)).not.toThrow('hunter2');
  expect(readFileSync(file, 'utf8')).toBe('hunter2\n');
});

test('a folder that is not there, and a folder in its place, are told', () => {
  expect(() => readOrMakeKey(join(folder, 'none', 'x.pem'))).toThrow('ENOENT');
  mkdirSync(file);
  chmodSync(file, 0o700);
  expect(() => readOrMakeKey(file)).toThrow('EISDIR');
});
