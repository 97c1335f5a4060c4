import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { describeWith } from '../../support/needs.ts';
import { type Postgres, startPostgres } from '../../support/postgres.ts';
import { postgresAvailability } from '../../support/postgres-installation.ts';
import { createKeptStores, type KeptStores } from '../../support/postgres-store.ts';
import { storeContract } from '../contract/contract.ts';

describeWith('PostgreSQL', postgresAvailability(), 'with a PostgreSQL', () => {
  let postgres: Postgres;
  let stores: KeptStores;
  beforeAll(async () => {
    postgres = await startPostgres();
    stores = createKeptStores(postgres);
  });
  afterAll(async () => {
    stores.close();
    await postgres.stop();
  });

  storeContract('PostgreSQL', async () => {
    const { store, giveBack } = await stores.take();
    onTestFinished(giveBack);
    return store;
  });
});
