import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Database, openDatabase } from '../../../src/store/postgres/database.ts';
import { postgresStore } from '../../../src/store/postgres/store.ts';
import { describeWith } from '../../support/needs.ts';
import { type Postgres, startPostgres } from '../../support/postgres.ts';
import { postgresAvailability } from '../../support/postgres-installation.ts';
import { PATIENT } from '../../support/postgres-store.ts';
import { claimed, enqueued, newTarget, NOW_MS } from '../../support/store.ts';

describeWith('PostgreSQL', postgresAvailability(), 'a turn on a PostgreSQL', () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.stop());

  test('whose commit was not heard leases the same again, as the first attempt', async () => {
    const database = openDatabase({ url: await postgres.database() }, PATIENT);
    onTestFinished(database.close);
    const store = postgresStore(database);
    await store.register(newTarget(), { nowMs: NOW_MS, maxPerUser: 9 });
    await enqueued(store);
    const pushes = await claimed(postgresStore(unheard(database)));
    expect(pushes.map(({ attempts }) => attempts)).toEqual([1]);
    expect(await claimed(store, { owner: 'another' })).toEqual([]);
  });
});

/** Each transaction is committed, and run again. */
function unheard(database: Database): Database {
  return {
    ...database,
    transact: async (body, options) => {
      await database.transact(body, options);
      return database.transact(body, options);
    },
  };
}
