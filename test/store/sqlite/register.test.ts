import { expect, test } from 'vitest';
import { newTarget, NOW_MS, registered, subscription, testStore } from '../../support/store.ts';

const HOUR_MS = 3_600_000;
const REQUEST = { nowMs: NOW_MS, maxPerUser: 2 };
const OLD = newTarget({ topic: 'old', subscriptions: [subscription('Old')] });

test('a registration from the spool changes nothing where the device has registered since', async () => {
  const store = testStore();
  const id = await registered(store, { topic: 'new' }, { nowMs: NOW_MS - 1 });
  const late = { ...REQUEST, atMs: NOW_MS - HOUR_MS };
  expect(await store.register(OLD, late)).toMatchObject({ outdated: true, created: false });
  const another = { ...OLD, accountId: 'another-account-of-it' };
  expect(await store.register(another, late)).toMatchObject({ outdated: true, replaced: 0 });
  expect(await store.listTargets({})).toMatchObject([{ topic: 'new', renewedMs: NOW_MS - 1 }]);
  expect(await store.subscriptionsOf(id)).toHaveLength(2);
});

test('the newer, and of the same time the later, holds as a whole', async () => {
  const store = testStore();
  const id = await registered(store, {}, { nowMs: NOW_MS - HOUR_MS });
  await store.register(OLD, { ...REQUEST, atMs: NOW_MS - HOUR_MS });
  expect(await store.listTargets({})).toMatchObject([{ topic: 'old', renewedMs: NOW_MS - HOUR_MS }]);
  expect(await store.subscriptionsOf(id)).toMatchObject([{ path: 'Old' }]);
});

test('a time in the future counts as now, of what comes and of what is there', async () => {
  const store = testStore();
  await store.register(OLD, { ...REQUEST, atMs: NOW_MS + HOUR_MS });
  expect(await store.listTargets({})).toMatchObject([{ renewedMs: NOW_MS }]);
  await registered(store, {}, { nowMs: NOW_MS + 720 * HOUR_MS });
  await store.register(OLD, REQUEST);
  expect(await store.listTargets({})).toMatchObject([{ topic: 'old', renewedMs: NOW_MS }]);
});

test('one that comes late makes no newer device of its user go', async () => {
  const store = testStore();
  for (const n of [1, 2])
    await registered(store, { deviceToken: `${n}`.repeat(64) }, { nowMs: NOW_MS - n * HOUR_MS });
  const late = { ...REQUEST, atMs: NOW_MS - 9 * HOUR_MS };
  expect(await store.register(OLD, late)).toMatchObject({ evicted: 1 });
  expect((await store.listTargets({})).map(({ topic }) => topic)).not.toContain('old');
});
