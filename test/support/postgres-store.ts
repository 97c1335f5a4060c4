import { type Database, type DatabaseOptions, openDatabase } from '../../src/store/postgres/database.ts';
import { postgresStore } from '../../src/store/postgres/store.ts';
import type { Store } from '../../src/store/store.ts';
import type { Postgres } from './postgres.ts';

/** As a command has it. */
export const PATIENT: DatabaseOptions = {
  create: true,
  patience: { connectMs: 10_000, statementMs: 60_000 },
  connections: 4,
};

export interface KeptStores {
  /** One that holds nothing. */
  take: () => Promise<{ store: Store; giveBack: () => Promise<void> }>;
  close: () => void;
}

/** Databases that are emptied and used again: to make one takes far longer. */
export function createKeptStores(postgres: Postgres): KeptStores {
  const free: Database[] = [];
  const all: Database[] = [];
  return {
    take: async () => {
      const database = free.pop() ?? openDatabase({ url: await postgres.database() }, PATIENT);
      if (!all.includes(database)) all.push(database);
      return {
        store: postgresStore(database),
        giveBack: async () => {
          await empty(database);
          free.push(database);
        },
      };
    },
    close: () => {
      for (const database of all) database.close();
    },
  };
}

/** With ids that begin with 1 again. */
export async function empty(database: Database): Promise<void> {
  await database.transact(async (sql) => {
    await sql.change(`TRUNCATE xapplepush.targets, xapplepush.endpoints, xapplepush.metadata, xapplepush.credentials, xapplepush.provider_tokens,
      xapplepush.serves, xapplepush.deliverer, xapplepush.hosts, xapplepush.duties, xapplepush.history RESTART IDENTITY CASCADE`);
    await sql.change('INSERT INTO xapplepush.deliverer (id, until_ms) VALUES (1, 0)');
  });
}
