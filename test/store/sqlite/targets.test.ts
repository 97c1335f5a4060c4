import { describe, expect, test } from 'vitest';
import type { TargetOrder, TargetFilter } from '../../../src/targets/record.ts';
import { removeInTurns, targetPages } from '../../../src/devices/pages.ts';
import { createSleeplessClock } from '../../support/clock.ts';
import { tokenNumber } from '../../support/events.ts';
import {
  enqueued,
  registered,
  rowsOf,
  subscription,
  testStore,
  type TestStore,
} from '../../support/store.ts';

const clock = createSleeplessClock();

async function threeTargets(): Promise<TestStore> {
  const store = testStore();
  const [aa, ab] = [`aa${tokenNumber(1).slice(2)}`, `ab${tokenNumber(2).slice(2)}`];
  await registered(store, { deviceToken: aa, accountId: 'A', topic: 'old' }, { nowMs: 10 });
  await registered(store, { deviceToken: ab, accountId: 'B', topic: 'new' }, { nowMs: 20 });
  await registered(
    store,
    { deviceToken: `ab${tokenNumber(3).slice(2)}`, accountId: 'A', user: 'bob', topic: 'new' },
    { nowMs: 30 },
  );
  return store;
}

function set(store: TestStore, assignments: string, user: string, accountId: string): Promise<unknown> {
  return store.write((sql) =>
    sql(`UPDATE targets SET ${assignments} WHERE user = ? AND account_id = ?`).run(user, accountId),
  );
}

async function namesOf(store: TestStore, ids: readonly number[]): Promise<string[]> {
  return (await store.targetsById(ids)).map(({ user, accountId }) => `${user} ${accountId}`);
}

describe('what matches', () => {
  const filters: [filter: TargetFilter, want: string[]][] = [
    [{}, ['alice B', 'alice A', 'bob A']],
    [{ user: undefined, tokenPrefix: undefined }, ['alice B', 'alice A', 'bob A']],
    [{ user: 'alice' }, ['alice B', 'alice A']],
    [{ user: 'Alice' }, []],
    [{ user: "alice' OR 1 --" }, []],
    [{ tokenPrefix: 'AB' }, ['alice B', 'bob A']],
    [{ tokenPrefix: 'b' }, []],
    [{ tokenPrefix: '%' }, []],
    [{ accountId: 'A' }, ['alice A', 'bob A']],
    [{ accountId: 'a' }, []],
    [{ topic: 'new' }, ['alice B', 'bob A']],
    [{ topic: '' }, []],
    [{ renewedBeforeMs: 20 }, ['alice A']],
    [{ renewedBeforeMs: 21 }, ['alice B', 'alice A']],
    [{ renewedSinceMs: 20 }, ['alice B', 'bob A']],
    [{ topic: 'old', topicUnusedSinceMs: 11 }, ['alice A']],
    [{ topic: 'old', topicUnusedSinceMs: 10 }, []],
    [{ topic: 'new', topicUnusedSinceMs: 30 }, []],
    [{ failing: true }, ['alice B']],
    [{ disabled: true }, ['bob A']],
    [{ failing: true, disabled: true }, []],
    [{ user: 'alice', accountId: 'A' }, ['alice A']],
    [{ user: 'bob', tokenPrefix: 'aa' }, []],
  ];

  test.each(filters)('%j', async (filter, want) => {
    const store = await threeTargets();
    await set(store, 'failures = 1', 'alice', 'B');
    await set(store, 'disabled_ms = 5', 'bob', 'A');
    const ids = await store.targetIds(filter);
    expect(await namesOf(store, ids)).toEqual(want);
    expect((await store.listTargets(filter)).map(({ id }) => id)).toEqual(ids);
    expect(await removeInTurns(store, ids, { filter, listedMax: 1, clock })).toMatchObject({
      count: want.length,
      listed: want.slice(0, 1).map((name) => ({ user: name.split(' ')[0] })),
    });
    expect(await store.targetIds(filter)).toEqual([]);
    expect(await store.listTargets({})).toHaveLength(3 - want.length);
  });
});

describe('the order', () => {
  const orders: [order: TargetOrder, want: string[]][] = [
    ['user', ['alice B', 'alice A', 'bob A']],
    ['renewed', ['bob A', 'alice B', 'alice A']],
    ['registered', ['alice A', 'bob A', 'alice B']],
    ['success', ['alice B', 'alice A', 'bob A']],
    ['failures', ['bob A', 'alice A', 'alice B']],
  ];

  test.each(orders)('%s', async (order, want) => {
    const store = await threeTargets();
    await set(store, 'registered_ms = 99', 'alice', 'A');
    await set(store, 'last_success_ms = 7', 'alice', 'B');
    await set(store, 'failures = 3', 'bob', 'A');
    expect(await namesOf(store, await store.targetIds({}, order))).toEqual(want);
  });
});

test('pages hold what is there when they are reached, and still matches', async () => {
  const store = testStore();
  const total = 1234;
  for (let n = 0; n < total; n += 1)
    await registered(store, { user: `user${n % 100}`, deviceToken: tokenNumber(n) }, { nowMs: n });
  const filter = { renewedBeforeMs: total };
  const ids = await store.targetIds(filter);
  const [removed, renewed] = [ids.at(-1), ids.at(-2)];
  const seen: number[] = [];
  for await (const page of targetPages(store, ids, filter)) {
    seen.push(...page.map(({ id }) => id));
    await store.write((sql) => {
      sql('DELETE FROM targets WHERE id = ?').run(removed);
      sql('UPDATE targets SET renewed_ms = 9999 WHERE id = ?').run(renewed);
    });
  }
  expect(seen).toEqual(ids.slice(0, -2));
});

describe('removeInTurns', () => {
  test('takes along all that belongs to a target, and nothing else', async () => {
    const store = testStore();
    const alice = await registered(store);
    const bob = await registered(store, { user: 'bob', subscriptions: [subscription('INBOX', 'bob')] });
    await enqueued(store);
    await enqueued(store, { mailboxes: [{ owner: 'bob', path: 'INBOX' }] });
    await removeInTurns(store, [alice], { filter: {}, listedMax: 0, clock });
    for (const table of ['subscriptions', 'outbox', 'outbox_mailboxes'])
      expect(await rowsOf(store, `SELECT target_id AS id FROM ${table}`)).toEqual([{ id: bob }]);
  });

  test('leaves a target that renews between the turns', async () => {
    const store = testStore();
    const ids: number[] = [];
    for (let n = 0; n < 200; n += 1) ids.push(await registered(store, { user: `u${n}` }, { nowMs: 10 }));
    const renews = {
      ...clock,
      sleep: () => registered(store, { user: 'u199' }, { nowMs: 99 }).then(() => undefined),
    };
    const removal = await removeInTurns(store, ids, {
      filter: { renewedBeforeMs: 50 },
      listedMax: 1000,
      clock: renews,
    });
    expect(removal.count).toBe(199);
    expect(removal.listed.map(({ id }) => id)).toEqual(ids.slice(0, -1));
    expect(await store.listTargets({})).toMatchObject([{ user: 'u199', renewedMs: 99 }]);
  });
});

test('topicsInUse', async () => {
  const store = await threeTargets();
  await registered(store, { user: 'carol', topic: '' });
  expect(await store.topicsInUse()).toEqual([
    { topic: 'new', count: 2, renewedMs: 30 },
    { topic: 'old', count: 1, renewedMs: 10 },
  ]);
});

test('usualTopic', async () => {
  const store = await threeTargets();
  await registered(store, { user: 'carol', topic: '' }, { nowMs: 100 });
  expect(await store.usualTopic(100)).toBe('new');
  expect(await testStore().usualTopic(100)).toBeUndefined();
});
