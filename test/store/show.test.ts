import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeStore, lookAtStore } from '../../src/store/show.ts';
import { driverName } from '../../src/store/sqlite/driver.ts';
import { describeWith } from '../support/needs.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';
import { postgresAvailability } from '../support/postgres-installation.ts';
import { withUsers } from '../support/shared-hosts.ts';
import { enqueued, registered, testStore } from '../support/store.ts';

test('tells a file, the version of its schema, its size and what is in it', async () => {
  const store = testStore();
  await registered(store);
  await enqueued(store);
  const shown = await lookAtStore({ store: store.file });
  expect(shown).toMatchObject({
    store: store.file,
    engine: 'SQLite',
    driver: driverName(),
    devices: 1,
    waiting: 1,
  });
  expect(shown.version).toBe(await store.schemaVersion());
  expect(shown.bytes).toBeGreaterThan(4096);
  expect(describeStore({ ...shown, store: '/x.db', driver: 'node:sqlite', version: 7, bytes: 4096 })).toBe(
    'store    /x.db\nengine   SQLite by node:sqlite, version 7 of the schema\nsize     4 kB\ndevices  1 device, 1 push waits\n',
  );
});

test('says why a store cannot be used', async () => {
  await expect(lookAtStore({ store: '/nowhere/x.db' })).rejects.toThrow(/\/nowhere\/x\.db/);
});

describeWith('PostgreSQL', postgresAvailability(), 'of a server', () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.stop());

  test('it tells the URL and the size of the tables', async () => {
    const url = await postgres.database();
    const store = await withUsers(url, 1, 'com.apple.mail.XServer.x');
    store.close();
    const shown = await lookAtStore({ store: '/unused', postgres: { url } });
    expect(shown).toMatchObject({ store: url, engine: 'PostgreSQL', devices: 1, waiting: 0 });
    expect(shown.bytes).toBeGreaterThan(8192);
  });
});
