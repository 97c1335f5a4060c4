import { linkSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startTestApns, configFor } from '../support/apns.ts';
import { createSandbox } from '../support/command.ts';
import { messageNew } from '../support/events.ts';
import { newMail, withEndpoint } from '../support/notices.ts';
import { startServe } from '../support/serve.ts';
import {
  NOW_MS,
  openTestStore,
  enqueued,
  registered,
  rowsOf,
  temporaryFolder,
  testStore,
} from '../support/store.ts';
import { writeSpool } from '../../src/spool/spool.ts';
import { backUp } from '../../src/store/backup.ts';

test('the copy has one moment of a database that is written to, its modes, and nothing beside it', async () => {
  const store = testStore();
  await registered(store);
  await enqueued(store);
  await withEndpoint(store, 1);
  await store.enqueueNotices(newMail());
  const entry = { key: 'priv/x', value: Buffer.from('kept') };
  await store.changeMetadata('alice', [entry], { nowMs: NOW_MS, maxEntries: 10 });
  const copy = join(temporaryFolder(), 'copy.db');
  const writing = store.write((sql) => sql('UPDATE targets SET failures = failures + 1').run());
  backUp({ store: store.file }, copy, { replace: false });
  await writing;
  expect(readdirSync(dirname(copy))).toEqual([basename(copy)]);
  expect(statSync(copy).mode & 0o777).toBe(0o600);
  const restored = testStore(copy);
  expect(await restored.countRows()).toEqual({ targets: 1, waiting: 1 });
  expect(await restored.movingNotices([1])).toMatchObject([{ user: 'alice', event: 'MessageNew' }]);
  expect(Buffer.from((await restored.metadataValue('alice', 'priv/x')) ?? [])).toEqual(entry.value);
  const modes = { journal_mode: 'wal', auto_vacuum: 2 };
  for (const [name, value] of Object.entries(modes))
    expect(await rowsOf(restored, `PRAGMA ${name}`)).toEqual([{ [name]: value }]);
});

test('a file is replaced only where that is asked for; what cannot be is said', () => {
  const store = testStore();
  const copy = join(temporaryFolder(), 'copy.db');
  writeFileSync(copy, 'something else');
  expect(() => backUp({ store: store.file }, copy, { replace: false })).toThrow(`${copy} exists already`);
  backUp({ store: store.file }, copy, { replace: true });
  expect(testStore(copy).file).toBe(copy);
  expect(() => backUp({ store: '/nowhere/x.db' }, copy, { replace: true })).toThrow(/\/nowhere\/x\.db/);
  expect(() => backUp({ store: store.file }, '/nowhere/copy.db', { replace: false })).toThrow(
    /cannot copy database .* to \/nowhere\/copy\.db/,
  );
  expect(() => backUp({ store: '', postgres: { url: 'postgresql:///x' } }, copy, { replace: false })).toThrow(
    expect.objectContaining({ hint: expect.stringMatching(/^pg_dump --schema=xapplepush/) as string }),
  );
});

test('the database and what lies beside it are never replaced, under whatever name', async () => {
  const store = testStore();
  await registered(store);
  const folder = temporaryFolder();
  const [symbolic, hard] = [join(folder, 'symbolic.db'), join(folder, 'hard.db')];
  symlinkSync(store.file, symbolic);
  linkSync(store.file, hard);
  const parts = ['', '-wal', '-shm', '-journal'].map((name) => store.file + name);
  for (const to of [...parts, symbolic, hard])
    for (const replace of [true, false])
      expect(() => backUp({ store: store.file }, to, { replace })).toThrow(
        expect.objectContaining({ exitCode: 64, message: expect.stringContaining('itself') as string }),
      );
  expect(() => backUp({ store: symbolic }, `${store.file}-wal`, { replace: true })).toThrow('itself');
  expect(await testStore(store.file).countRows()).toEqual({ targets: 1, waiting: 0 });
});

test('is made while serve runs, and restored as docs/serve.md says', { timeout: 30_000 }, async () => {
  const apns = await startTestApns();
  const sandbox = createSandbox('');
  onTestFinished(async () => {
    sandbox.remove();
    await apns.close();
  });
  const { dir, store, spool } = sandbox;
  const configure = (file: string): void => {
    const places = `store: ${file}\nspool: ${spool}\nimapd_conf: ${dir}/imapd.conf\n`;
    writeFileSync(sandbox.configFile, `${configFor(apns)}${places}log: { destination: ${dir}/log }\n`);
  };
  configure(store);
  const before = openTestStore(store);
  await registered(before, { topic: apns.topic });
  before.close();
  const serve = await startServe(sandbox);
  const copy = join(dir, 'copy.db');
  const told = { exitCode: 0, stdout: `copied ${store} to ${copy}\n`, stderr: '' };
  expect(await sandbox.run(['store', 'backup', copy])).toEqual(told);
  await serve.end('SIGTERM');
  writeFileSync(store, 'damaged');
  writeSpool(spool, Buffer.from(messageNew()), Date.now());
  configure(copy);
  expect((await sandbox.run(['flush'])).exitCode).toBe(0);
  expect(apns.received).toHaveLength(1);
});
