import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { leaseOwner } from '../../../src/delivery/lease.ts';
import { bringBack } from '../../../src/history/bring-back.ts';
import { lineOf } from '../../../src/history/entry.ts';
import { historyFolder } from '../../../src/history/history.ts';
import { readHistory } from '../../../src/history/read.ts';
import { bringAlong } from '../../../src/history/sending.ts';
import { readShared } from '../../../src/history/shared.ts';
import { append, fullFiles } from '../../../src/history/shelf.ts';
import { systemClock } from '../../../src/process/clock.ts';
import { openPostgres } from '../../../src/store/postgres/open.ts';
import { MIGRATIONS } from '../../../src/store/postgres/schema.ts';
import type { SharedVerbs } from '../../../src/store/shared.ts';
import type { Store } from '../../../src/store/store.ts';
import { moveBetween, moveStore, stayWith } from '../../../src/transfer/move/move.ts';
import { tellMoved } from '../../../src/transfer/move/told.ts';
import { COMMAND, environmentOf, type Sandbox } from '../../support/command.ts';
import { createTestClock } from '../../support/clock.ts';
import { ACCOUNT_ID, messageNew } from '../../support/events.ts';
import { sandboxHere } from '../../support/here.ts';
import { targetEntryOf } from '../../support/history.ts';
import { newMail, newNoticeId, withEndpoint } from '../../support/notices.ts';
import { describeWith } from '../../support/needs.ts';
import { type Postgres, startPostgres } from '../../support/postgres.ts';
import { postgresAvailability } from '../../support/postgres-installation.ts';
import { createKeptStores, type KeptStores } from '../../support/postgres-store.ts';
import {
  claimed,
  enqueued,
  LEASE_MS,
  NOW_MS,
  openTestStore,
  subscription,
  temporaryFolder,
  testStore,
} from '../../support/store.ts';
import { phone, withPhone } from '../../store/contract/scene.ts';

const CONTEXT = { clock: systemClock, terminal: undefined };

/** An error with such a hint. */
function hinting(hint: RegExp): unknown {
  return expect.objectContaining({ hint: expect.stringMatching(hint) as string });
}

async function filled(store: Store, phones: number): Promise<void> {
  for (let n = 1; n <= phones; n += 1) await withPhone(store, n);
  for (let n = 1; n < phones; n += 1)
    await enqueued(store, { mailboxes: [{ owner: `user${n}`, path: 'INBOX' }], apnsId: `push ${n}` });
}

/** Two endpoints with a notice each, and two entries of METADATA. */
async function filledForServices(store: Store): Promise<void> {
  for (const n of [1, 2]) await withEndpoint(store, n);
  await store.enqueueNotices(newMail({ newId: () => 'a notice' }));
  const changes = ['priv/a', 'shared/b'].map((key) => ({ key, value: Buffer.from(`${key}\0`) }));
  await store.changeMetadata('alice', changes, { nowMs: NOW_MS, maxEntries: 100 });
}

const FIRST = { user: '', key: '' };
const PAGE = { afterId: 0, limit: 10 };

async function keptForServices(store: Store): Promise<unknown[]> {
  const endpoints = await store.listEndpoints({}, PAGE);
  const notices = await store.movingNotices(endpoints.map(({ id }) => id));
  const metadata = await store.movingMetadata(FIRST, 10);
  return [
    endpoints,
    notices,
    metadata.map(({ value, ...entry }) => ({ ...entry, value: Buffer.from(value) })),
  ];
}

/** What changes one of both: between two of these nothing can be left half done. */
const CHANGES = [
  ...['depart', 'importTargets', 'arrive', 'takeEndpoints', 'takeMetadata', 'takeCredentials'],
  'forgetArrival',
];

/** Breaks off before that change, of both stores counted together. */
function breakingOff(stores: readonly Store[], after: number): Store[] {
  let calls = 0;
  return stores.map(
    (store) =>
      new Proxy(store, {
        get: (target, name) => {
          const verb: unknown = Reflect.get(target, name);
          if (!CHANGES.includes(String(name))) return verb;
          calls += 1;
          if (calls > after) throw new Error('broken off');
          return verb;
        },
      }),
  );
}

/** The endpoints whose notices wait, which are delivered then. */
async function toldFrom(store: Store): Promise<number[]> {
  const turn = {
    owner: 'one',
    nowMs: NOW_MS,
    leaseUntilMs: NOW_MS + LEASE_MS,
    throttleMs: 0,
    newId: newNoticeId,
  };
  const claimedNotices = await store.takeNotices({ ...turn, settled: [], limit: 10 });
  const settlement = { row: 'finished', removeEndpoint: false, reason: undefined, gaveUp: false } as const;
  const outcome = { kind: 'delivered' } as const;
  const settled = claimedNotices.map((each) => ({ claimed: each, outcome, settlement }));
  await store.takeNotices({ ...turn, settled, limit: 0 });
  return claimedNotices.map(({ endpoint: { fingerprint } }) => Number.parseInt(fingerprint.slice(0, 8), 16));
}

const EVERYTHING = { limit: 10_000, sinceMs: 0, maxEntries: 10_000, wanted: () => true };

describeWith('PostgreSQL', postgresAvailability(), 'a move between SQLite and PostgreSQL', () => {
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
  const onServer = async (): Promise<Store> => {
    const { store, giveBack } = await stores.take();
    onTestFinished(giveBack);
    return store;
  };

  test.each([['there'], ['back']])('%s brings all that there is', async (way) => {
    const [source, target] =
      way === 'there' ? [testStore(), await onServer()] : [await onServer(), testStore()];
    await filled(source, 3);
    await filledForServices(source);
    const services = await keptForServices(source);
    const [devices, pushes] = [await source.exportTargets(phone(0), 10), await source.movingPushes(0, 10)];
    const { isOld, compared } = await moveBetween(source, target, CONTEXT);
    expect({ isOld, ...compared }).toMatchObject({
      ...{ isOld: false, devices: { here: 3, there: 3 }, subscriptions: { here: 6, there: 6 } },
      ...{ pushes: { here: 2, there: 2 }, credentials: { here: 0, there: 0 } },
      ...{
        endpoints: { here: 2, there: 2 },
        notices: { here: 2, there: 2 },
        metadata: { here: 2, there: 2 },
      },
    });
    expect(await keptForServices(target)).toEqual(services);
    expect(await target.exportTargets(phone(0), 10)).toEqual(devices);
    expect(await target.movingPushes(0, 10)).toEqual(pushes);
    expect(await source.departure()).toMatchObject({ to: target.file, step: 'done' });
    expect(await moveBetween(source, target, CONTEXT)).toEqual({ isOld: true, compared: undefined });
    await source.stay();
  });

  test('there takes the history of this host along, once, however often it is begun', async () => {
    const [source, target] = [testStore(), await onServer()];
    await filled(source, 1);
    const folder = historyFolder(source.file);
    const [bounds, entries] = [{ maxEntries: 1e6, maxAgeMs: 1e12 }, 3000];
    for (let n = 0; n < entries; n += 1)
      append(folder, 'devices', lineOf(targetEntryOf({ atMs: NOW_MS + n })), bounds, NOW_MS + n);
    append(folder, 'others', 'of a process that was killed while it w\n', bounds, NOW_MS);
    await bringAlong(target.shared!, { folder, host: 'mx1' }, NOW_MS); // of a move that was broken off then
    const moved = await moveBetween(source, target, { ...CONTEXT, host: 'mx1' });
    expect(moved.compared?.history).toEqual({ here: entries + 1, there: entries });
    const found = await readShared(target.shared!, { ...EVERYTHING, shelves: ['devices'] });
    expect(found.map(({ atMs }) => atMs - NOW_MS)).toEqual(Array.from({ length: entries }, (_, n) => n));
    expect(found[0]).toMatchObject({ host: 'mx1' });
    expect(fullFiles(folder, 'devices')).toEqual([]);
    await source.stay();
  });

  test('what a process writes late, while its file is brought, stays in the files', async () => {
    const [source, target] = [testStore(), await onServer()];
    await filled(source, 1);
    const folder = historyFolder(source.file);
    const bounds = { maxEntries: 10, maxAgeMs: 1e12 };
    append(folder, 'devices', lineOf(targetEntryOf({ atMs: NOW_MS })), bounds, NOW_MS);
    const shared: SharedVerbs = {
      ...target.shared!,
      keepHistory: async (batch) => {
        await target.shared!.keepHistory(batch);
        appendFileSync(fullFiles(folder, 'devices')[0]!.path, lineOf(targetEntryOf({ atMs: NOW_MS + 1 })));
      },
    };
    const moved = await moveBetween(source, { ...target, shared }, { ...CONTEXT, host: 'mx1' });
    expect(moved.compared?.history).toEqual({ here: 1, there: 1 });
    expect(readHistory(folder, EVERYTHING).map(({ atMs }) => atMs - NOW_MS)).toEqual([1]);
    await source.stay();
  });

  test('back takes the history of all hosts along, once, however often it is begun', async () => {
    const [source, target] = [await onServer(), testStore()];
    await filled(source, 1);
    for (const [n, host] of ['mx1', 'mx2', 'mx3'].entries()) {
      const entries = Array.from({ length: 2000 }, (_, k) => targetEntryOf({ atMs: NOW_MS + 3 * k + n }));
      const lines = entries.map((entry) => lineOf(entry).trimEnd()).join('\n');
      const batch = { batch: host, host, shelf: 'devices', untilMs: NOW_MS + 5997 + n, entries: 2000 };
      await source.shared!.keepHistory({ ...batch, users: ['alice'], lines });
    }
    const folder = historyFolder(target.file);
    await bringBack(source.shared!, folder); // of a move that was broken off then
    const moved = await moveBetween(source, target, CONTEXT);
    expect(moved.compared?.history).toEqual({ here: 6000, there: 6000 });
    expect(tellMoved(moved, { file: undefined }, target.file).text).toMatch(
      /entries of the history +6000 +6000\n/,
    );
    const found = readHistory(folder, EVERYTHING);
    expect(found.map(({ atMs }) => atMs - NOW_MS)).toEqual(Array.from({ length: 6000 }, (_, n) => n));
    expect(found.slice(0, 3).map(({ host }) => host)).toEqual(['mx1', 'mx2', 'mx3']);
    await source.stay();
  });

  test('broken off before any step it is completed, and each push is sent from one of both, once', async () => {
    for (let after = 0, isComplete = false; !isComplete; after += 1) {
      const source = testStore();
      const { store: target, giveBack } = await stores.take();
      await filled(source, 3);
      await filledForServices(source);
      const [one, other] = breakingOff([source, target], after);
      isComplete = await moveBetween(one!, other!, CONTEXT).then(
        () => true,
        () => false,
      );
      const sent = await claimed(target, { nowMs: NOW_MS + 1 });
      await target.discardWaiting({}, NOW_MS + 60_000);
      const told = await toldFrom(target);
      if (!isComplete) await moveBetween(source, target, CONTEXT);
      sent.push(...(await claimed(target, { nowMs: NOW_MS + 60_000 })));
      expect([after, sent.map(({ apnsId }) => apnsId).sort()]).toEqual([after, ['push 1', 'push 2']]);
      expect([after, (await target.countTargets()).targets]).toEqual([after, 3]);
      expect([after, [...told, ...(await toldFrom(target))].sort()]).toEqual([after, [1, 2]]);
      expect([after, (await target.countMetadata()).entries]).toEqual([after, 2]);
      expect(await target.arrival((await source.departure())?.id ?? '')).toBeUndefined();
      await giveBack();
    }
  });

  test('takes the newer of what both know, and leaves what only the other knows', async () => {
    const [source, target] = [testStore(), await onServer()];
    await withPhone(source, 1, { topic: 'newer', nowMs: NOW_MS + 1 });
    await withPhone(target, 1, { topic: 'older' });
    await withPhone(source, 2, { topic: 'older' });
    await withPhone(target, 2, { topic: 'newer', nowMs: NOW_MS + 1 });
    await withPhone(target, 3, { topic: 'its own' });
    await moveBetween(source, target, CONTEXT);
    const topics = (await target.listTargets({})).map(({ topic }) => topic);
    expect(topics).toEqual(['newer', 'newer', 'its own']);
  });

  test('leaves one account id of a phone, the latest, and counts what that has replaced', async () => {
    const [source, target] = [testStore(), await onServer()];
    const later = { accountId: 'later', nowMs: NOW_MS + 1 };
    await withPhone(source, 1);
    await withPhone(target, 1, later);
    await withPhone(source, 2, later);
    await withPhone(target, 2);
    await withPhone(source, 3);
    await withPhone(target, 3, { ...later, subtopic: 'another' });
    const { compared } = await moveBetween(source, target, CONTEXT);
    const devices = (await target.listTargets({})).map(({ user, accountId }) => [user, accountId]);
    const [one, two, ...three] = devices;
    expect([one, two]).toEqual([
      ['user1', 'later'],
      ['user2', 'later'],
    ]);
    expect(three.map(([, accountId]) => accountId).sort()).toEqual(['later', ACCOUNT_ID].sort());
    expect(compared).toMatchObject({ devices: { here: 3, there: 3 }, subscriptions: { here: 6, there: 6 } });
    expect(await source.departure()).toMatchObject({ step: 'done' });
  });

  test('waits for who is sending from it, before it is left and after, and not for who has died', async () => {
    const [source, target] = [testStore(), await onServer()];
    await filled(source, 3);
    const clock = createTestClock(NOW_MS);
    await claimed(source, { owner: 'flush', limit: 1 });
    const moved = moveBetween(source, target, { ...CONTEXT, clock });
    await clock.asleep();
    expect(await source.departure()).toBeUndefined();
    await source.releaseLeases(['flush']);
    await claimed(source, {
      owner: leaseOwner()
        .split('@')[0]!
        .replace(/:\d+:\d+$/, ':1:1'),
      limit: 1,
    });
    clock.advance(LEASE_MS / 2);
    await moved;
    expect((await target.countRows()).waiting).toBe(2);

    const left = testStore();
    await filled(left, 2);
    await claimed(left, { owner: 'flush', nowMs: clock.nowMs() });
    await left.depart({ id: 'x', to: target.file, step: 'devices' });
    const refused = moveBetween(left, target, { ...CONTEXT, clock: { ...clock, nowMs: () => NOW_MS } });
    await clock.asleep();
    expect(await left.departure()).toMatchObject({ step: 'devices' });
    clock.advance(LEASE_MS);
    await expect(refused).rejects.toThrow(
      expect.objectContaining({
        exitCode: 75,
        message: expect.stringContaining('sent from it by flush') as string,
      }),
    );
    clock.advance(1);
    await moveBetween(left, target, { ...CONTEXT, clock });
    expect(await left.departure()).toMatchObject({ step: 'done' });
  });

  test('says which mailboxes PostgreSQL has no room for', async () => {
    const [source, target] = [testStore(), await onServer()];
    const long = 'x'.repeat(3000);
    await withPhone(source, 1, {
      subscriptions: [subscription('INBOX', 'user1'), subscription(long, 'user1')],
    });
    await enqueued(source, { mailboxes: [{ owner: 'user1', path: long }] });
    const moved = await moveBetween(source, target, CONTEXT);
    const { text, exitCode } = tellMoved(moved, { file: '/etc/x.yaml' }, 'postgresql:///x');
    expect(text).toMatch(/their mailboxes +2 +1\nwaiting pushes +1 +1\n/);
    expect(text).toContain('names are too long for PostgreSQL');
    expect([text.includes('let `store` in /etc/x.yaml name postgresql:///x'), exitCode]).toEqual([true, 0]);
  });

  test('is refused between two names of one store, and that stays in use', async () => {
    const url = await postgres.database();
    const [one, other] = [url, `${url}&sslmode=disable`].map((each) =>
      openPostgres({ url: each }, { create: true }),
    );
    onTestFinished(() => {
      one!.close();
      other!.close();
    });
    await filled(one!, 2);
    await expect(moveBetween(one!, other!, CONTEXT)).rejects.toThrow(
      /is the store that the configuration names/,
    );
    expect(await claimed(one!)).toHaveLength(1);
  });

  const SPOOL = /; events wait in the spool$/;

  test('of an SQLite that a program with another schema has left, --undo is the way out', async () => {
    const source = testStore();
    await withPhone(source, 1);
    await source.depart({ id: 'x', to: "postgresql:///it's", step: 'devices' });
    await source.write((sql) => {
      for (const table of ['notices', 'endpoints', 'metadata']) sql(`DROP TABLE ${table}`).run();
      sql('DROP INDEX targets_by_expiry').run();
      sql('ALTER TABLE targets DROP COLUMN expires_ms').run();
      sql('UPDATE migrations SET version = 9').run();
    });
    const from = { store: source.file };
    const move = (): Promise<unknown> => moveStore(from, { store: join(temporaryFolder(), 'y.db') }, CONTEXT);
    const completing =
      /run it again: xapplepush store migrate --to 'postgresql:\/\/\/it'\\''s', with the same --password-file/;
    expect(() => openTestStore(source.file)).toThrow(hinting(completing));
    await source.write((sql) => sql('UPDATE departure SET version = 9').run());
    await expect(move()).rejects.toEqual(hinting(/begin anew: xapplepush store migrate --undo;/));
    expect(() => openTestStore(source.file)).toThrow(hinting(SPOOL));
    expect(await stayWith(from, CONTEXT)).toBe(true);
    expect(await stayWith(from, CONTEXT)).toBe(false);
    const again = testStore(source.file);
    expect(await again.schemaVersion()).toBeGreaterThan(9);
    expect(await withPhone(again, 2)).toMatchObject({ user: 'user2' });
  });

  test('of a PostgreSQL too', async () => {
    const url = await postgres.database();
    const source = openPostgres({ url }, { create: true });
    onTestFinished(() => source.close());
    await withPhone(source, 1);
    await source.depart({ id: 'x', to: '/x.db', step: 'devices' });
    await postgres.run(
      `DROP TABLE xapplepush.notices, xapplepush.endpoints, xapplepush.metadata;
       DELETE FROM xapplepush.migrations WHERE version = ${MIGRATIONS.length}`,
      url,
    );
    const from = { store: join(temporaryFolder(), 'x.db'), postgres: { url } };
    const move = (): Promise<unknown> => moveStore(from, { store: '/x.db' }, CONTEXT);
    await expect(move()).rejects.toEqual(hinting(/begin anew: xapplepush store migrate --undo;/));
    await source.depart({ id: 'x', to: '/x.db', step: 'pushes' });
    await expect(move()).rejects.toEqual(
      hinting(/complete it with that, .*: xapplepush store migrate --to '\/x.db';/),
    );
    await expect(stayWith(from, CONTEXT)).rejects.toThrow('may have been sent');
    await source.depart({ id: 'x', to: '/x.db', step: 'devices' });
    expect(await stayWith(from, CONTEXT)).toBe(true);
    const again = openPostgres({ url }, { create: true });
    onTestFinished(() => again.close());
    expect(await again.schemaVersion()).toBe(MIGRATIONS.length);
    expect(await withPhone(again, 2)).toMatchObject({ user: 'user2' });
  });

  const sandboxWith = (yaml = ''): Sandbox => {
    const sandbox = sandboxHere(`apns: { topic: com.apple.mail.XServer.test }\n${yaml}`);
    onTestFinished(() => sandbox.remove());
    return sandbox;
  };

  test(
    'the command, killed again and again, while events come into the spool',
    { timeout: 60_000 },
    async () => {
      const sandbox = sandboxWith();
      const url = await postgres.database();
      const store = openTestStore(sandbox.store);
      await filled(store, 300);
      store.close();
      const args = ['store', 'migrate', '--to', url];
      for (const afterMs of [350, 500, 700]) {
        const child = spawn(COMMAND, args, { env: environmentOf(sandbox.configFile), cwd: '/' });
        setTimeout(() => child.kill('SIGKILL'), afterMs);
        await once(child, 'exit');
      }
      const ended = await sandbox.run(args);
      expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
      expect(ended.stdout).toMatch(
        /devices +300 +300\n.*mailboxes +600 +600\n.*pushes +299 +299\n|moved already/,
      );
      const { exitCode, stderr } = await sandbox.notify(messageNew('user1'));
      expect([exitCode, stderr]).toEqual([75, expect.stringContaining(`was moved to ${url}`)]);
      expect(readdirSync(join(sandbox.spool, 'new'))).toHaveLength(1);
      const status = await sandbox.run(['status']);
      expect(status.stdout).toContain(`was moved to ${url}`);
      const target = openPostgres({ url }, { create: false });
      expect(await target.countRows()).toEqual({ targets: 300, waiting: 299 });
      expect(new Set((await target.movingPushes(0, 500)).map(({ apnsId }) => apnsId)).size).toBe(299);
      target.close();
    },
  );

  test('the command refuses while somebody delivers, tells passwords apart, and undoes what has not gone', async () => {
    const sandbox = sandboxWith();
    const url = await postgres.database();
    const store = openTestStore(sandbox.store);
    await filled(store, 2);
    await store.announceServe({ owner: 'other', sinceMs: 1, nowMs: Date.now(), outdated: undefined });
    const refused = await sandbox.run(['store', 'migrate', '--to', url]);
    expect([refused.exitCode, refused.stderr]).toEqual([
      75,
      expect.stringContaining('serve works with it: other'),
    ]);
    await store.withdrawServe('other');
    const secret = await sandbox.run(['store', 'migrate', '--to', 'postgresql://x:hidden@h/x']);
    expect([secret.exitCode, secret.stderr]).toEqual([64, expect.stringContaining('--password-file')]);
    expect(secret.stderr).not.toContain('hidden');
    expect((await sandbox.run(['store', 'migrate', '--undo'])).stdout).toBe('no move has begun\n');
    await store.depart({ id: 'x', to: url, step: 'devices' });
    expect((await sandbox.run(['store', 'migrate', '--undo'])).stdout).toBe('the store is in use again\n');
    await store.depart({ id: 'x', to: url, step: 'pushes' });
    store.close();
    const gone = await sandbox.run(['store', 'migrate', '--undo']);
    expect([gone.exitCode, gone.stderr]).toEqual([75, expect.stringContaining('may have been sent')]);
  });

  test(
    'the command moves back into a file, and takes the password from a file',
    { timeout: 30_000 },
    async () => {
      const url = await postgres.database();
      const byLoopback = `postgresql://postgres@127.0.0.1:${postgres.port}${new URL(url.replace('postgresql:', 'http:').replace('///', '//h/')).pathname}`;
      const sandbox = sandboxWith();
      const store = openTestStore(sandbox.store);
      await filled(store, 2);
      store.close();
      const password = join(sandbox.dir, 'password');
      writeFileSync(password, 'a secret of the tests\n', { mode: 0o640 });
      const there = await sandbox.run(['store', 'migrate', '--to', byLoopback, '--password-file', password]);
      expect(there).toMatchObject({ exitCode: 0, stderr: '' });
      mkdirSync(join(sandbox.dir, 'state'));
      const places = `state: ${sandbox.dir}/state\nspool: ${sandbox.spool}\nimapd_conf: ${sandbox.dir}/imapd.conf\n`;
      writeFileSync(sandbox.configFile, `store: ${byLoopback}\nstore_password_file: ${password}\n${places}`);
      const file = join(sandbox.dir, 'back.db');
      const back = await sandbox.run(['store', 'migrate', '--to', file]);
      expect(back).toMatchObject({ exitCode: 0, stderr: '' });
      const now = openTestStore(file, { create: false });
      expect(await now.countRows()).toEqual({ targets: 2, waiting: 1 });
      now.close();
      expect((await sandbox.run(['devices', 'list'])).stderr).toContain(`was moved to ${file}`);
    },
  );
});
