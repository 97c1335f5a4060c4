import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { withMockApns } from '../support/apns.ts';
import { eventually } from '../support/command.ts';
import { tokenNumber } from '../support/events.ts';
import { registrationOf, served, settingFor } from '../support/serving.ts';
import { registered } from '../support/store.ts';

const USERS = Array.from({ length: 40 }, (_, n) => `user${n}`);

test('a database that is put in the place of the open one is taken up as it is', async () => {
  await withMockApns({}, async (apns) => {
    const { folder, config } = settingFor(apns, () => 'serve: { http: "127.0.0.1:0" }\n');
    const backup = openStore(join(folder, 'backup.db'), { create: true });
    for (const [n, user] of USERS.entries()) await registered(backup, { user, deviceToken: tokenNumber(n) });
    backup.close();
    const { ask, end } = await served(config);
    await ask('/register', registrationOf('former', 100)); // it is in the write-ahead log alone
    renameSync(join(folder, 'backup.db'), config.store);
    await ask('/register', registrationOf('meanwhile', 101));
    const store = await eventually(
      () => readdirSync(folder),
      (names) => names.some((name) => name.startsWith('x.db-wal.left-over.')),
    ).then(() => openStore(config.store, { create: false }));
    const users = async (): Promise<string[]> => (await store.listTargets({})).map(({ user }) => user);
    await eventually(users, (now) => now.includes('meanwhile'));
    await end(); // the former one is closed by then
    expect((await users()).sort()).toEqual([...USERS, 'meanwhile'].sort());
    expect(await store.schemaVersion()).toBeGreaterThan(0);
    store.close();
  });
});

test('what is no database in the place of the open one leaves that whole, for when it is back', async () => {
  await withMockApns({}, async (apns) => {
    const { folder, config } = settingFor(apns, () => 'serve: { http: "127.0.0.1:0" }\n');
    const { ask, log, end } = await served(config);
    await ask('/register', registrationOf('former', 100)); // it is in the write-ahead log alone
    renameSync(config.store, `${config.store}.away`);
    writeFileSync(config.store, 'x'.repeat(5000));
    await eventually(
      () => log.messages('error'),
      (errors) => errors.some((text) => text.startsWith('events wait in the spool')),
    );
    await ask('/register', registrationOf('meanwhile', 101));
    renameSync(`${config.store}.away`, config.store);
    const store = openStore(config.store, { create: false });
    const users = async (): Promise<string[]> => (await store.listTargets({})).map(({ user }) => user);
    await eventually(users, (now) => now.includes('meanwhile'));
    await end();
    expect((await users()).sort()).toEqual(['former', 'meanwhile']);
    store.close();
    expect(readdirSync(folder).filter((name) => name.includes('left-over'))).toEqual([]);
  });
});
