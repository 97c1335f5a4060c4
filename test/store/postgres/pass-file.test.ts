import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { passwordFor, readPassFile } from '../../../src/store/postgres/pass-file.ts';
import { temporaryFolder } from '../../support/store.ts';

const LOGIN = { host: 'db', port: 5432, database: 'mail', user: 'me' };

describe('a file of passwords', () => {
  test.each([
    ['db:5432:mail:me:right', 'right'],
    ['# db:5432:mail:me:wrong\nother:*:*:*:wrong\r\n*:*:*:me:right\r\ndb:5432:mail:me:later', 'right'],
    ['db:5432:mail:me:with\\:colon:and\\\\', 'with:colon:and\\'],
    ['db:5433:mail:me:wrong\ndb:5432:mail:you:wrong\ndb:5432:mail', undefined],
    ['', undefined],
  ])('%j', (text, password) => {
    expect(passwordFor(LOGIN, text)).toBe(password);
  });

  test('has names with colons, and localhost for the usual socket', () => {
    expect(passwordFor({ ...LOGIN, host: '::1', user: 'a:b' }, '\\:\\:1:*:*:a\\:b:right')).toBe('right');
    const [usual, other] = ['/var/run/postgresql', '/run/pg'].map((host) => ({ ...LOGIN, host }));
    const text = 'localhost:*:*:*:local\n/run/pg:*:*:*:by path';
    expect([passwordFor(usual!, text), passwordFor(other!, text)]).toEqual(['local', 'by path']);
  });

  test('is used where nobody else may read it', () => {
    const file = join(temporaryFolder(), 'pgpass');
    expect(readPassFile(file)).toEqual({ problem: 'is not there' });
    writeFileSync(file, 'text', { mode: 0o600 });
    expect(readPassFile(file)).toEqual({ text: 'text' });
    for (const mode of [0o640, 0o604]) {
      chmodSync(file, mode);
      expect(readPassFile(file)).toHaveProperty('problem', expect.stringContaining('chmod 600'));
    }
    mkdirSync(`${file}.d`, { mode: 0o700 });
    expect(readPassFile(`${file}.d`)).toEqual({ problem: 'is no file' });
  });
});
