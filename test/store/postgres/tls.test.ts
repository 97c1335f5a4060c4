import { chmodSync, chownSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../../src/store/postgres/database.ts';
import { tryWriting } from '../../../src/store/postgres/summary.ts';
import { createWorkshop, type Workshop } from '../../apns/credential-workshop.ts';
import { describeWith } from '../../support/needs.ts';
import { type Postgres, startPostgres } from '../../support/postgres.ts';
import { postgresAvailability, postgresInstallation } from '../../support/postgres-installation.ts';
import { PATIENT } from '../../support/postgres-store.ts';

/** By certificate over TLS alone; the tests' own statements come by the socket. */
const HBA = 'local all all trust\nhostssl all all 127.0.0.1/32 cert\n';

describeWith('PostgreSQL', postgresAvailability(), 'a PostgreSQL with TLS', () => {
  let [authority, stranger]: Workshop[] = [];
  let folder: string;
  let postgres: Postgres;
  let [certificate, key]: string[] = [];
  beforeAll(async () => {
    [authority, stranger] = [createWorkshop(), createWorkshop()];
    folder = mkdtempSync(join(tmpdir(), 'xapplepush-tls-'));
    chmodSync(folder, 0o755);
    key = authority.key('ec');
    certificate = authority.certificate({ key, subject: '/CN=postgres' });
    const own = authority.certificate({
      ...{ key, subject: '/CN=db', extensions: 'subjectAltName=DNS:localhost\n' },
    });
    const files = { 'server.pem': own, 'server.key': key, 'ca.pem': authority.ca };
    for (const [name, from] of Object.entries(files)) copyFileSync(from, join(folder, name));
    writeFileSync(join(folder, 'hba.conf'), HBA);
    const { user } = postgresInstallation();
    chmodSync(join(folder, 'server.key'), 0o600);
    if (user !== undefined) chownSync(join(folder, 'server.key'), user.uid, user.gid);
    const of = (name: string): string => join(folder, name);
    postgres = await startPostgres([
      ...['ssl=on', `ssl_cert_file=${of('server.pem')}`, `ssl_key_file=${of('server.key')}`],
      ...[`ssl_ca_file=${of('ca.pem')}`, `hba_file=${of('hba.conf')}`],
    ]);
  });
  afterAll(async () => {
    await postgres.stop();
    for (const each of [authority!, stranger!]) each.remove();
    rmSync(folder, { recursive: true });
  });

  test.each([
    ['the right name', 'localhost', 'verify-full', 'authority', true, /^well$/],
    ['another name', '127.0.0.1', 'verify-full', 'authority', true, /certificate that is not trusted/],
    ['another name, where none is asked for', '127.0.0.1', 'verify-ca', 'authority', true, /^well$/],
    ['another authority', 'localhost', 'verify-full', 'stranger', true, /certificate that is not trusted/],
    ['another authority, and no name', '127.0.0.1', 'verify-ca', 'stranger', true, /is not trusted/],
    ['nothing to check it by', '127.0.0.1', 'require', undefined, true, /^well$/],
    [
      'no certificate of its own',
      'localhost',
      'verify-full',
      'authority',
      false,
      /does not let this user in/,
    ],
    ['no TLS', '127.0.0.1', 'disable', undefined, false, /does not let this user in/],
  ] as const)('%s', async (_, host, sslmode, ca, hasOwn, expected) => {
    const query = new URLSearchParams({ sslmode });
    if (ca !== undefined) query.set('sslrootcert', (ca === 'authority' ? authority! : stranger!).ca);
    if (hasOwn) query.set('sslcert', certificate!);
    if (hasOwn) query.set('sslkey', key!);
    const url = `postgresql://postgres@${host}:${postgres.port}/postgres?${query.toString()}`;
    const database = openDatabase({ url }, { ...PATIENT, create: true });
    expect(await tryWriting(database).then(() => 'well', String)).toMatch(expected);
    database.close();
  });

  test('of several servers the first that answers is taken', async () => {
    const socket = encodeURIComponent(postgres.folder);
    const url = `postgresql:///postgres?host=127.0.0.1,${socket}&port=1,${postgres.port}&user=postgres`;
    const database = openDatabase({ url }, { ...PATIENT, create: true });
    expect(await tryWriting(database).then(() => 'well', String)).toBe('well');
    database.close();
  });
});
