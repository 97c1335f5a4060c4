import { hostname } from 'node:os';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { GivingUp } from '../../../src/delivery/giving-up.ts';
import type { CourierOptions } from '../../../src/delivery/courier.ts';
import { VERSION } from '../../../src/process/installation.ts';
import { openPostgres } from '../../../src/store/postgres/open.ts';
import type { SharedVerbs } from '../../../src/store/shared.ts';
import type { Store } from '../../../src/store/store.ts';
import { withPhone } from '../contract/scene.ts';
import { createTestClock } from '../../support/clock.ts';
import { describeWith } from '../../support/needs.ts';
import { type Postgres, startPostgres } from '../../support/postgres.ts';
import { postgresAvailability } from '../../support/postgres-installation.ts';
import { recordedLog } from '../../support/recorded-log.ts';
import { enqueued, NOW_MS } from '../../support/store.ts';

const MINUTE_MS = 60_000;

describeWith('PostgreSQL', postgresAvailability(), 'two hosts on one PostgreSQL', () => {
  let postgres: Postgres;
  let url: string;
  let one: Store;
  let two: Store;
  let [first, second]: SharedVerbs[] = [];
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    url = await postgres.database();
    [one, two] = [openPostgres({ url }, { create: true }), openPostgres({ url }, { create: true })];
    [first, second] = [one.shared!, two.shared!];
  });
  afterEach(() => {
    one.close();
    two.close();
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

  test('make the schema once, however many come at once', async () => {
    const stores = Array.from({ length: 12 }, () => openPostgres({ url }, { create: true }));
    try {
      const versions = await Promise.all(stores.map((store) => store.schemaVersion()));
      expect(new Set(versions).size).toBe(1);
    } finally {
      for (const store of stores) store.close();
    }
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

  test('of hosts that come and go under new names a hundred are listed', async () => {
    await first!.hosts();
    await run(
      `INSERT INTO xapplepush.hosts SELECT n, n, '1', 0, 0, n + 1e13, NULL FROM generate_series(1, 150) n`,
    );
    await one.announceServe({ owner: '1:2:3:1@a1', sinceMs: 0, nowMs: 0, outdated: undefined });
    expect(await first!.hosts()).toHaveLength(100);
  });
});
