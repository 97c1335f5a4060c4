import { hostname } from 'node:os';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { GivingUp } from '../../../src/delivery/giving-up.ts';
import type { CourierOptions } from '../../../src/delivery/courier.ts';
import { VERSION } from '../../../src/process/installation.ts';
import { type Database, openDatabase } from '../../../src/store/postgres/database.ts';
import { postgresStore } from '../../../src/store/postgres/store.ts';
import { MIGRATIONS } from '../../../src/store/postgres/schema.ts';
import { openPostgres } from '../../../src/store/postgres/open.ts';
import type { SharedVerbs } from '../../../src/store/shared.ts';
import type { Store } from '../../../src/store/store.ts';
import { attempt, DELIVERED, DEVICE_THROTTLED, phone, waitingFor, withPhone } from '../contract/scene.ts';
import { createTestClock } from '../../support/clock.ts';
import { describeWith } from '../../support/needs.ts';
import { type Postgres, startPostgres } from '../../support/postgres.ts';
import { postgresAvailability } from '../../support/postgres-installation.ts';
import { tokenNumber } from '../../support/events.ts';
import { empty, PATIENT } from '../../support/postgres-store.ts';
import { recordedLog } from '../../support/recorded-log.ts';
import { settle, SETTLE_CONTEXT } from '../../support/settling.ts';
import { claimed, claimedOne, enqueued, NOW_MS } from '../../support/store.ts';

const MINUTE_MS = 60_000;
const THROTTLE_MS = 10_000;
const HOUSEKEEPING_MS = 120_000;

describeWith('PostgreSQL', postgresAvailability(), 'two hosts on one PostgreSQL', () => {
  let postgres: Postgres;
  let url: string;
  let one: Store;
  let two: Store;
  let [first, second]: SharedVerbs[] = [];
  let databases: Database[];
  beforeAll(async () => {
    postgres = await startPostgres();
    url = await postgres.database();
    databases = [openDatabase({ url }, PATIENT), openDatabase({ url }, PATIENT)];
    [one, two] = databases.map(postgresStore) as [Store, Store];
    [first, second] = [one.shared!, two.shared!];
  });
  beforeEach(() => empty(databases[0]!));
  afterAll(async () => {
    for (const { close } of databases) close();
    await postgres.stop();
  });
  const run = (text: string): Promise<unknown[]> => postgres.run(text, url);

  test('what is done for all one has at a time: it keeps it, leaves it, or another takes over when it is silent', async () => {
    expect(await first!.takeDuty('give up', 'a', MINUTE_MS)).toBe(true);
    expect(await second!.takeDuty('give up', 'b', MINUTE_MS)).toBe(false);
    expect(await second!.takeDuty('history', 'b', MINUTE_MS)).toBe(true);
    expect(await first!.takeDuty('give up', 'a', MINUTE_MS)).toBe(true);
    await run('UPDATE xapplepush.duties SET until_ms = until_ms - 60001');
    expect(await second!.takeDuty('give up', 'b', MINUTE_MS)).toBe(true); // a has died
    expect(await first!.takeDuty('give up', 'a', MINUTE_MS)).toBe(false);
    await second!.leaveDuties('b');
    expect(await first!.takeDuty('give up', 'a', MINUTE_MS)).toBe(true);
    await run('UPDATE xapplepush.duties SET until_ms = until_ms + 90000000'); // its clock was a day ahead
    expect(await second!.takeDuty('give up', 'b', MINUTE_MS)).toBe(true);
  });

  test('bring a schema of the first version to theirs, while a program that made it goes on', async () => {
    const older = await postgres.database();
    await postgres.run(
      `${MIGRATIONS[0]}; INSERT INTO xapplepush.migrations VALUES (1, 0, '0.0.1');
       INSERT INTO xapplepush.serves VALUES ('1:2:3:1@old', 'mx9', '0.0.1', 0, 0, ${Date.now()}, NULL, NULL)`,
      older,
    );
    const store = openPostgres({ url: older }, { create: true });
    onTestFinished(() => store.close());
    expect(await store.schemaVersion()).toBe(MIGRATIONS.length);
    expect((await store.summariseTargets(0, Date.now())).serves).toMatchObject([{ owner: '1:2:3:1@old' }]);
    expect(await store.shared!.hosts()).toEqual([]); // it tells nothing of its host
    expect(await store.shared!.takeDuty('history', 'b', MINUTE_MS)).toBe(true);
  });

  test('make the schema once, however many come at once', async () => {
    const fresh = await postgres.database();
    const stores = Array.from({ length: 8 }, () => openPostgres({ url: fresh }, { create: true }));
    onTestFinished(() => stores.forEach((store) => store.close()));
    const versions = await Promise.all(stores.map((store) => store.schemaVersion()));
    expect(new Set(versions).size).toBe(1);
  });

  test('of many that ask for it at once one has it', async () => {
    const owners = Array.from({ length: 20 }, (_, n) => `host ${n}`);
    const given = await Promise.all(
      owners.map((owner, n) => (n % 2 === 0 ? first : second)!.takeDuty('prune', owner, MINUTE_MS)),
    );
    expect(given.filter(Boolean)).toHaveLength(1);
  });

  test('what is too old is given up by one, and by the other when that one has died', async () => {
    const clock = createTestClock(NOW_MS);
    const gaveUp: string[] = [];
    const givingUpOf = (store: Store, owner: string): GivingUp =>
      new GivingUp({
        ...{ store, owner, clock, log: recordedLog(), giveUpMs: MINUTE_MS },
        onGivenUp: (dropped: readonly unknown[]) => gaveUp.push(`${owner} ${dropped.length}`),
      } as unknown as CourierOptions);
    const mail = async (): Promise<void> => {
      await withPhone(one, 1);
      const mailboxes = [{ owner: 'user1', path: 'INBOX' }];
      await enqueued(one, { mailboxes, nowMs: clock.nowMs() - 2 * MINUTE_MS });
    };
    const [a, b] = [givingUpOf(one, 'a'), givingUpOf(two, 'b')];
    const bothLook = async (): Promise<void> => {
      clock.advance(MINUTE_MS);
      for (const each of [a, b]) while ((await each.turn()) !== undefined) clock.advance(1000);
    };
    await bothLook();
    for (let times = 0; times < 2; times += 1) {
      await mail();
      await bothLook();
    }
    expect(gaveUp).toEqual(['a 1', 'a 1']);
    await run('UPDATE xapplepush.duties SET until_ms = 0');
    await mail();
    clock.advance(MINUTE_MS);
    expect(await b.turn()).toBeUndefined();
    expect(gaveUp.at(-1)).toBe('b 1');
  });

  test('each is listed with its serve, and forgotten when it is long gone', async () => {
    const announcement = { sinceMs: NOW_MS, nowMs: Date.now(), outdated: undefined };
    await one.announceServe({ ...announcement, owner: '1:2:3:1@a1' });
    await two.announceServe({ ...announcement, owner: '1:2:3:1@b2' });
    const host = { name: hostname(), program: VERSION, clockAheadMs: 0, sinceMs: NOW_MS, endedMs: null };
    const [a1, b2] = await second!.hosts();
    expect([a1, b2]).toMatchObject([
      { ...host, id: 'a1' },
      { ...host, id: 'b2' },
    ]);
    expect(a1!.silentMs).toBeLessThan(MINUTE_MS);
    await one.announceServe({ ...announcement, owner: '1:2:3:2@a1' });
    await one.withdrawServe('1:2:3:1@a1');
    expect((await first!.hosts())[0]).toMatchObject({ endedMs: null }); // another serve of it goes on
    await one.withdrawServe('1:2:3:2@a1');
    await run(`UPDATE xapplepush.hosts SET seen_ms = seen_ms - 600000 WHERE id = 'b2'`);
    const [ended, silent] = await first!.hosts();
    expect(ended?.endedMs).toBeGreaterThan(0);
    expect(silent!.silentMs).toBeGreaterThanOrEqual(600_000);
    await run(`UPDATE xapplepush.hosts SET seen_ms = seen_ms - 604800000 WHERE id = 'b2'`);
    await one.announceServe({ ...announcement, owner: '1:2:3:3@a1' });
    expect(await first!.hosts()).toMatchObject([{ id: 'a1', endedMs: null }]);
  });

  test('one that has a name of its own keeps it in whatever container it runs', async () => {
    const database = openDatabase({ url, host: 'mail1' }, PATIENT);
    const named = postgresStore(database);
    const announcement = { sinceMs: NOW_MS, nowMs: Date.now(), outdated: undefined };
    await one.announceServe({ ...announcement, owner: '1:2:3:1@a1' }); // before it was given the name
    for (const owner of ['1:2:3:1@a1', '1:2:3:1@b2']) await named.announceServe({ ...announcement, owner });
    await named.withdrawServe('1:2:3:1@a1');
    expect(await first!.hosts()).toMatchObject([{ id: 'mail1', name: 'mail1', endedMs: null }]);
    await named.withdrawServe('1:2:3:1@b2');
    expect((await first!.hosts())[0]!.endedMs).toBeGreaterThan(0);
    database.close();
  });

  test('of hosts that come and go under new names a hundred are listed', async () => {
    await run(
      `INSERT INTO xapplepush.hosts SELECT n, n, '1', 0, 0, n + 1e13, NULL FROM generate_series(1, 150) n`,
    );
    await one.announceServe({ owner: '1:2:3:1@a1', sinceMs: 0, nowMs: 0, outdated: undefined });
    expect(await first!.hosts()).toHaveLength(100);
  });

  const mail = (
    store: Store,
    nowMs: number,
    event: 'MessageNew' | 'MessageRead' = 'MessageNew',
  ): ReturnType<Store['enqueue']> =>
    store.enqueue({
      ...{ event, mailboxes: [{ owner: 'user1', path: 'INBOX' }], nowMs, newApnsId: () => 'an-id' },
      timing: { throttleMs: THROTTLE_MS, housekeepingDelayMs: HOUSEKEEPING_MS },
    });
  /** A `serve` runs on each: else nobody would be there to send later. */
  const announced = async (nowMs: number): Promise<void> => {
    for (const [store, owner] of [[one, 'a@1'] as const, [two, 'b@2'] as const])
      await store.announceServe({ owner, sinceMs: nowMs, nowMs, outdated: undefined });
  };
  const sentBy = async (store: Store, owner: string, nowMs: number): Promise<number> => {
    const pushes = await claimed(store, { owner, nowMs, throttleMs: THROTTLE_MS });
    await settle(
      store,
      pushes.map((push) => attempt(push, DELIVERED)),
      { ...SETTLE_CONTEXT, owner, nowMs, throttleMs: THROTTLE_MS },
    );
    return pushes.length;
  };

  test('throttle: what one host has sent keeps the next push to that device from the other', async () => {
    await announced(NOW_MS);
    const target = await withPhone(one, 1);
    await mail(one, NOW_MS);
    expect(await sentBy(one, 'a@1', NOW_MS)).toBe(1);
    await mail(two, NOW_MS + 1000);
    expect((await waitingFor(two, target)).dueMs).toBe(NOW_MS + THROTTLE_MS);
    expect(await sentBy(two, 'b@2', NOW_MS + THROTTLE_MS - 1)).toBe(0);
    expect(await sentBy(two, 'b@2', NOW_MS + THROTTLE_MS)).toBe(1);
    expect(await sentBy(one, 'a@1', NOW_MS + THROTTLE_MS)).toBe(0);
  });

  test('throttle: what joins a push that the other host is sending waits as long', async () => {
    await announced(NOW_MS);
    const target = await withPhone(one, 1);
    await mail(one, NOW_MS);
    const push = await claimedOne(one, { owner: 'a@1', throttleMs: THROTTLE_MS });
    await mail(two, NOW_MS + 1);
    expect(await claimed(two, { owner: 'b@2', nowMs: NOW_MS + 2, throttleMs: THROTTLE_MS })).toEqual([]);
    const context = { ...SETTLE_CONTEXT, owner: 'a@1', nowMs: NOW_MS + 3, throttleMs: THROTTLE_MS };
    await settle(one, [attempt(push, DELIVERED)], context);
    expect((await waitingFor(two, target)).dueMs).toBe(NOW_MS + 3 + THROTTLE_MS);
  });

  test('housekeeping: what one host holds back goes at once with new mail that comes to the other', async () => {
    await announced(NOW_MS);
    const target = await withPhone(one, 1);
    await mail(one, NOW_MS, 'MessageRead');
    await mail(two, NOW_MS + 1000, 'MessageRead');
    expect((await waitingFor(two, target)).dueMs).toBe(NOW_MS + HOUSEKEEPING_MS);
    expect(await sentBy(two, 'b@2', NOW_MS + 2000)).toBe(0);
    await mail(two, NOW_MS + 3000);
    expect(await sentBy(one, 'a@1', NOW_MS + 3000)).toBe(1);
    expect(await sentBy(two, 'b@2', NOW_MS + HOUSEKEEPING_MS)).toBe(0);
  });

  test('rates: a device that Apple asks one host to leave alone is left alone by the other', async () => {
    const target = await withPhone(one, 1);
    await mail(one, NOW_MS);
    const context = { ...SETTLE_CONTEXT, owner: 'a@1' };
    await settle(one, [attempt(await claimedOne(one, { owner: 'a@1' }), DEVICE_THROTTLED)], context);
    const { dueMs, heldBy } = await waitingFor(two, target);
    expect(heldBy).toBe('device');
    expect(dueMs).toBeGreaterThanOrEqual(SETTLE_CONTEXT.nowMs + 60_000);
    await mail(two, NOW_MS + 1000); // joins it, and is no sooner
    expect(await claimed(two, { owner: 'b@2', nowMs: dueMs - 1 })).toEqual([]);
    expect(await claimed(two, { owner: 'b@2', nowMs: dueMs })).toHaveLength(1);
  });

  test('max_per_user: devices that register on two hosts at the same time are no more than on one', async () => {
    const register = (store: Store, n: number): Promise<unknown> =>
      store.register(phone(1, { deviceToken: tokenNumber(n) }), { nowMs: NOW_MS + n, maxPerUser: 3 });
    await Promise.all(Array.from({ length: 16 }, (_, n) => register(n % 2 === 0 ? one : two, n)));
    expect(await two.listTargets({ user: 'user1' })).toHaveLength(3);
  });
});
