import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../../src/store/postgres/database.ts';
import { StoreError } from '../../../src/store/errors.ts';
import { eventually } from '../../support/command.ts';
import { tryWriting } from '../../../src/store/postgres/summary.ts';
import { describeWith } from '../../support/needs.ts';
import { PASSWORD, type Postgres, startPostgres } from '../../support/postgres.ts';
import { postgresAvailability } from '../../support/postgres-installation.ts';
import { PATIENT } from '../../support/postgres-store.ts';
import { temporaryFolder } from '../../support/store.ts';

describeWith('PostgreSQL', postgresAvailability(), 'a connection to a PostgreSQL', () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.stop());

  const byLoopback = (more = ''): string =>
    `postgresql://postgres@127.0.0.1:${postgres.port}/postgres${more}`;
  const tried = async (url: string, password?: string, create = true): Promise<string> => {
    const passwordFile = join(temporaryFolder(), 'password');
    if (password !== undefined) writeFileSync(passwordFile, `${password}\n`);
    const database = openDatabase({ url, passwordFile }, { ...PATIENT, create });
    try {
      return await tryWriting(database).then(() => 'well', String);
    } finally {
      database.close();
    }
  };

  test('says that there is no schema yet where it is not to make one', async () => {
    expect(await tried(byLoopback(), PASSWORD, false)).toContain('has no schema xapplepush yet');
  });

  test('takes the password of a file; without TLS where the server has none, unless that is wanted', async () => {
    expect(await tried(byLoopback(), PASSWORD)).toBe('well');
    expect(await tried(byLoopback('?sslmode=require'), PASSWORD)).toMatch(/^StoreError: .* has no TLS/);
  });

  test('takes it for trouble of the database that the file of the password has gone, until it is there again', async () => {
    const passwordFile = join(temporaryFolder(), 'password');
    const database = openDatabase({ url: byLoopback(), passwordFile }, { ...PATIENT, create: true });
    onTestFinished(database.close);
    const fails = (error: unknown): string => (error instanceof StoreError ? error.message : String(error));
    for (let n = 0; n < 3; n += 1)
      expect(await tryWriting(database).catch(fails)).toMatch(/^store_password_file: .* cannot be read/);
    writeFileSync(passwordFile, PASSWORD);
    await eventually(
      () => tryWriting(database).then(() => 'well', fails),
      (what) => what === 'well',
    );
  });

  test('tells a wrong password, a missing file and a missing database, and never the password', async () => {
    const wrong = await tried(byLoopback(), 'wrong secret');
    expect(wrong).toMatch(/^StoreError: .* does not let this user in/);
    expect(wrong).not.toContain('wrong secret');
    expect(await tried(byLoopback())).toMatch(/^StoreError: store_password_file: .* cannot be read/);
    expect(await tried(byLoopback().replace(/postgres$/, 'none'), PASSWORD)).toContain(
      'there is no database',
    );
  });
});
