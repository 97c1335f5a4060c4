import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openStore } from '../../../src/store/open.ts';
import { type Connect, connect, driverName } from '../../../src/store/sqlite/driver.ts';
import { nodeSqlite } from '../../../src/store/sqlite/node-sqlite.ts';
import { temporaryFolder } from '../../support/store.ts';
import { storeContract } from '../contract/contract.ts';

contractBy(driverName(), connect);

/** The other driver, where this Node has it. */
const own = nodeSqlite();
if (own !== undefined && own.name !== driverName()) contractBy(own.name, own.connect);

function contractBy(name: string, by: Connect): void {
  storeContract(`SQLite, by ${name}`, () => {
    const store = openStore(join(temporaryFolder(), 'x.db'), { create: true, connect: by });
    onTestFinished(() => {
      store.close();
    });
    return store;
  });
}
