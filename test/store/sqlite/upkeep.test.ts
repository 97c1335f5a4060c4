import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWake } from '../../../src/delivery/waking.ts';
import { wakeIn, wakeTopicIn } from '../../../src/store/sqlite/upkeep.ts';
import { createTestClock } from '../../support/clock.ts';
import { type CompiledProgram, compileProgram } from '../../support/compiled.ts';
import { tokenNumber } from '../../support/events.ts';
import {
  claimed,
  enqueued,
  LEASE_MS,
  newTarget,
  NOW_MS,
  registered,
  rowsOf,
  testStore,
  type TestStore,
} from '../../support/store.ts';

let program: CompiledProgram;

beforeAll(() => {
  program = compileProgram();
});
afterAll(() => {
  program.remove();
});

const HOLDS = ['device', 'apple', 'connection', 'credential', 'topic', 'gone', null] as const;
const LATER_MS = NOW_MS + 60_000;

/** A row for each hold, all due later; the user is the hold. */
async function rowsOnHold(): Promise<TestStore> {
  const store = testStore();
  for (const [n, hold] of HOLDS.entries())
    await registered(store, { user: hold ?? 'none', deviceToken: tokenNumber(n) });
  await enqueued(store);
  await store.write((sql) => {
    sql('UPDATE outbox SET due_ms = ?').run(LATER_MS);
    for (const hold of HOLDS)
      sql('UPDATE outbox SET held_by = ? WHERE target_id = (SELECT id FROM targets WHERE user = ?)').run(
        hold,
        hold ?? 'none',
      );
  });
  return store;
}

async function usersDue(store: TestStore, nowMs = NOW_MS): Promise<string[]> {
  const rows = await rowsOf(
    store,
    `SELECT user FROM outbox JOIN targets ON id = target_id WHERE due_ms <= ${nowMs} ORDER BY user`,
  );
  return rows.map(({ user }) => String(user));
}

describe('wake', () => {
  test('makes due what waited for the connection, Apple in general, the credential or a topic, and nothing else', async () => {
    const store = await rowsOnHold();
    expect(await createWake(store, createTestClock(NOW_MS))()).toBeUndefined();
    expect(await usersDue(store)).toEqual(['apple', 'connection', 'credential', 'gone', 'topic']);
  });

  test('a success leaves what waits for a topic, unless it is that topic', async () => {
    const store = await rowsOnHold();
    await store.write((sql) => wakeIn(sql, NOW_MS, { limit: 10, all: false }));
    expect(await usersDue(store)).toEqual(['apple', 'connection', 'credential', 'gone']);
    expect(await store.write((sql) => wakeTopicIn(sql, NOW_MS, 'another'))).toBe(0);
    expect(await store.write((sql) => wakeTopicIn(sql, NOW_MS, newTarget().topic))).toBe(1);
    expect(await usersDue(store)).toContain('topic');
  });

  test('makes no more due at once than it is asked to', async () => {
    const store = await rowsOnHold();
    const some = (): Promise<number> => store.write((sql) => wakeIn(sql, NOW_MS, { limit: 3, all: false }));
    expect([await some(), await some(), await some()]).toEqual([3, 1, 0]);
  });

  test('leaves what somebody is sending', async () => {
    const store = await rowsOnHold();
    await claimed(store, { nowMs: LATER_MS });
    expect(await createWake(store, createTestClock(NOW_MS))()).toBeUndefined();
    expect(await usersDue(store)).toEqual([]);
  });
});

describe('makeAllDue', () => {
  test('makes every row due that nobody is sending', async () => {
    const store = await rowsOnHold();
    await claimed(store, { nowMs: LATER_MS, limit: 2 });
    expect(await store.makeAllDue(NOW_MS)).toBe(5);
    expect(await usersDue(store)).toHaveLength(5);
    expect(await store.makeAllDue(NOW_MS)).toBe(0);
  });
});

describe('giveUp', () => {
  test('drops what is too old, and says whose it was and why it waited', async () => {
    const store = testStore();
    await registered(store);
    await registered(store, {
      user: 'bob',
      subscriptions: [{ owner: 'bob', path: 'INBOX', name: 'INBOX', hash: undefined }],
    });
    await enqueued(store, { nowMs: NOW_MS });
    await enqueued(store, { nowMs: NOW_MS + 1, mailboxes: [{ owner: 'bob', path: 'INBOX' }] });
    await store.write((sql) =>
      sql(`UPDATE outbox SET last_reason = 'Shutdown' WHERE event_ms > ?`).run(NOW_MS),
    );
    expect(await store.giveUp({ eventBeforeMs: NOW_MS - 1, nowMs: LATER_MS, limit: 10 })).toEqual([]);
    expect(await store.giveUp({ eventBeforeMs: NOW_MS, nowMs: LATER_MS, limit: 10 })).toMatchObject([
      { user: 'alice', reason: 'never tried' },
    ]);
    expect(await store.giveUp({ eventBeforeMs: NOW_MS + 1, nowMs: LATER_MS, limit: 10 })).toMatchObject([
      { user: 'bob', reason: 'Shutdown' },
    ]);
    for (const table of ['outbox', 'outbox_mailboxes'])
      expect(await rowsOf(store, `SELECT * FROM ${table}`)).toEqual([]);
    expect(await rowsOf(store, 'SELECT user FROM targets')).toHaveLength(2);
  });

  test('drops no more at once than it is asked to, the oldest first', async () => {
    const store = testStore();
    for (const [n, user] of ['alice', 'bob', 'carol'].entries()) {
      const subscriptions = [{ owner: user, path: 'INBOX', name: 'INBOX', hash: undefined }];
      await registered(store, { user, subscriptions });
      await enqueued(store, { nowMs: NOW_MS - n, mailboxes: [{ owner: user, path: 'INBOX' }] });
    }
    const request = { eventBeforeMs: NOW_MS, nowMs: LATER_MS, limit: 2 };
    expect((await store.giveUp(request)).map(({ user }) => user)).toEqual(['carol', 'bob']);
    expect((await store.giveUp(request)).map(({ user }) => user)).toEqual(['alice']);
    expect(await store.giveUp(request)).toEqual([]);
  });

  test('counts from the latest event', async () => {
    const store = testStore();
    await registered(store);
    await enqueued(store, { nowMs: NOW_MS });
    await enqueued(store, { nowMs: NOW_MS + 10 });
    expect(await store.giveUp({ eventBeforeMs: NOW_MS + 9, nowMs: LATER_MS, limit: 10 })).toEqual([]);
  });

  test('leaves what somebody is sending until the lease ends', async () => {
    const store = testStore();
    await registered(store);
    await enqueued(store);
    await claimed(store);
    expect(await store.giveUp({ eventBeforeMs: NOW_MS, nowMs: NOW_MS + LEASE_MS - 1, limit: 10 })).toEqual(
      [],
    );
    expect(await store.giveUp({ eventBeforeMs: NOW_MS, nowMs: NOW_MS + LEASE_MS, limit: 10 })).toHaveLength(
      1,
    );
  });
});

describe('mayStartDeliverer', () => {
  const FOR_MS = 3000;

  test('is true for one in that time', async () => {
    const store = testStore();
    expect(await store.mayStartDeliverer(NOW_MS, FOR_MS)).toBe(true);
    expect(await store.mayStartDeliverer(NOW_MS, FOR_MS)).toBe(false);
    expect(await store.mayStartDeliverer(NOW_MS + FOR_MS - 1, FOR_MS)).toBe(false);
    expect(await store.mayStartDeliverer(NOW_MS + FOR_MS, FOR_MS)).toBe(true);
  });

  test('is true again once the deliverer is up', async () => {
    const store = testStore();
    await store.mayStartDeliverer(NOW_MS, FOR_MS);
    await store.delivererStarted();
    expect(await store.mayStartDeliverer(NOW_MS + 1, FOR_MS)).toBe(true);
  });

  test('a clock that was set back does not block it', async () => {
    const store = testStore();
    await store.mayStartDeliverer(NOW_MS + 3_600_000, FOR_MS);
    expect(await store.mayStartDeliverer(NOW_MS, FOR_MS)).toBe(true);
    expect(await store.mayStartDeliverer(NOW_MS + 1, FOR_MS)).toBe(false);
  });

  test('is true for one of many connections', async () => {
    const store = testStore();
    const stores = [store, ...Array.from({ length: 9 }, () => testStore(store.file))];
    const answers = await Promise.all(
      stores.flatMap((each) => [0, 1, 2].map((n) => each.mayStartDeliverer(NOW_MS + n, FOR_MS))),
    );
    expect(answers.filter((answer) => answer)).toHaveLength(1);
  });
});

describe('processes on one database', () => {
  const PROCESSES = 5;

  test('one of them starts the deliverer, and no two claim the same row', async () => {
    const store = testStore();
    for (let n = 0; n < 60; n += 1)
      await registered(store, { deviceToken: tokenNumber(n) }, { maxPerUser: 60 });
    await enqueued(store);
    const script = `
      import { openStore } from '@/store/open.js';
      const [file, startMs, owner] = process.argv.slice(1);
      const [nowMs, ids] = [${NOW_MS}, []];
      while (Date.now() < Number(startMs));
      const store = openStore(file, { create: true });
      const starts = await store.mayStartDeliverer(nowMs, 3000);
      for (let rows = [0]; rows.length > 0;) {
        const lease = { owner, limit: 2, maxMailboxes: 9, nowMs, leaseUntilMs: nowMs + 1 };
        ({ pushes: rows } = await store.takeTurn({ settled: [], server: '', throttleMs: 0, ...lease }));
        ids.push(...rows.map(({ targetId }) => targetId));
      }
      console.log(JSON.stringify({ starts, ids }));`;
    const startMs = String(Date.now() + 400);
    const outputs = await Promise.all(
      Array.from({ length: PROCESSES }, (_, n) => program.run(script, store.file, startMs, `process ${n}`)),
    );
    const results = outputs.map((output) => JSON.parse(output) as { starts: boolean; ids: number[] });
    expect(results.filter(({ starts }) => starts)).toHaveLength(1);
    const ids = results.flatMap((result) => result.ids);
    expect(ids).toHaveLength(60);
    expect(new Set(ids).size).toBe(60);
  });
});
