import { chmodSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { openDatabase } from '../../../src/store/postgres/database.ts';
import { libpqEnvironment } from '../../../src/store/postgres/environment.ts';
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

  const with600 = (text: string): string => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  const triedAlone = async (url: string): Promise<string> => {
    const database = openDatabase({ url }, PATIENT);
    try {
      return await tryWriting(database).then(() => 'well', String);
    } finally {
      database.close();
    }
  };

  test('takes the password of a passfile, of a service file, and of the environment', async () => {
    const passfile = with600(`127.0.0.1:${postgres.port}:*:postgres:${PASSWORD}\n`);
    expect(await triedAlone(byLoopback(`?passfile=${passfile}`))).toBe('well');
    const place = `host=127.0.0.1\nport=${postgres.port}\nuser=postgres\ndbname=postgres\n`;
    const servicefile = with600(
      `[other]\nhost=nowhere\n[mail]\n# ours\n${place}password=${PASSWORD}\n[by-file]\n${place}passfile=${passfile}\n`,
    );
    for (const name of ['mail', 'by-file'])
      expect(await triedAlone(`postgresql://?service=${name}&servicefile=${servicefile}`)).toBe('well');
    vi.stubEnv('PGPASSFILE', passfile).stubEnv('PGSERVICEFILE', servicefile);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await triedAlone(byLoopback())).toBe('well');
    expect(await triedAlone('postgresql://?service=mail')).toBe('well');
  });

  test('takes a password that is changed in the service file, for the next connection', async () => {
    const place = `[mail]\nhost=127.0.0.1\nport=${postgres.port}\nuser=postgres\ndbname=postgres\n`;
    const servicefile = with600(`${place}password=wrong\n`);
    const database = openDatabase({ url: `postgresql://?service=mail&servicefile=${servicefile}` }, PATIENT);
    onTestFinished(database.close);
    const becomes = (wanted: RegExp): Promise<string> =>
      eventually(
        () => tryWriting(database).then(() => 'well', String),
        (what) => wanted.test(what),
      );
    await becomes(/^StoreError: .* does not let this user in/);
    writeFileSync(servicefile, '');
    await becomes(/^StoreError: store: there is no service "mail" in/);
    writeFileSync(servicefile, `${place}password=${PASSWORD}\n`);
    await becomes(/^well$/);
  });

  test('takes an empty variable of the environment for none', async () => {
    const passfile = with600(`127.0.0.1:${postgres.port}:*:postgres:${PASSWORD}\n`);
    onTestFinished(() => void vi.unstubAllEnvs());
    vi.stubEnv('PGPASSWORD', '').stubEnv('PGPASSFILE', passfile);
    expect(await triedAlone(byLoopback())).toBe('well');
    vi.stubEnv('PGPASSFILE', '');
    expect(libpqEnvironment()).toMatchObject({ password: undefined, passFile: join(homedir(), '.pgpass') });
  });

  test('says which file has none, or is not used, and that there is no such service', async () => {
    const passfile = with600('elsewhere:*:*:*:secret\n');
    expect(await triedAlone(byLoopback(`?passfile=${passfile}`))).toMatch(
      /^StoreError: passfile: .* has no line/,
    );
    chmodSync(passfile, 0o644);
    expect(await triedAlone(byLoopback(`?passfile=${passfile}`))).toMatch(/chmod 600/);
    vi.stubEnv('PGPASSFILE', passfile);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await triedAlone(byLoopback())).toMatch(/^StoreError: .* asks for a password, and none is known/);
    const url = `postgresql://?service=none&servicefile=${passfile}`;
    expect(() => openDatabase({ url }, PATIENT)).toThrow(/there is no service "none" in/);
  });
});
