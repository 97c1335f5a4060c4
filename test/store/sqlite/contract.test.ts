import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openStore } from '../../../src/store/open.ts';
import { temporaryFolder } from '../../support/store.ts';
import { storeContract } from '../contract/contract.ts';

storeContract('SQLite', () => {
  const store = openStore(join(temporaryFolder(), 'x.db'), { create: true });
  onTestFinished(() => {
    store.close();
  });
  return store;
});
