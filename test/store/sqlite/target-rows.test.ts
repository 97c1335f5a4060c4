import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Store } from '../../../src/store/store.ts';
import type { NewTarget } from '../../../src/targets/target.ts';
import { tokenNumber } from '../../support/events.ts';
import type { RegisterResult } from '../../../src/store/intake.ts';
import {
  enqueued,
  newTarget,
  NOW_MS,
  registered,
  rowsOf,
  subscription,
  testStore,
} from '../../support/store.ts';

function registration(
  store: Store,
  changes: Partial<NewTarget> = {},
  { nowMs = NOW_MS, maxPerUser = 20 } = {},
): Promise<RegisterResult> {
  return store.register(newTarget(changes), { nowMs, maxPerUser });
}

async function accountIds(store: Store, user = 'alice'): Promise<string[]> {
  return (await store.listTargets({ user })).map(({ accountId }) => accountId);
}

async function paths(store: Store, id: number): Promise<string[]> {
  return (await store.subscriptionsOf(id)).map(({ path }) => path);
}

describe('register', () => {
  test('a first registration keeps everything', async () => {
    const store = testStore();
    expect(await registration(store)).toEqual({ created: true, replaced: 0, evicted: 0, outdated: false });
    const { subscriptions, ...target } = newTarget();
    expect(await store.listTargets({})).toEqual([
      {
        id: 1,
        ...target,
        registeredMs: NOW_MS,
        renewedMs: NOW_MS,
        lastPushMs: null,
        lastSuccessMs: null,
        lastError: null,
        lastErrorMs: null,
        failures: 0,
        failingSinceMs: null,
        disabledMs: null,
        expiresMs: null,
      },
    ]);
    const byPath = (await store.subscriptionsOf(1)).sort((a, b) => (a.path < b.path ? 1 : -1));
    expect(byPath).toEqual(subscriptions);
  });

  test('a renewal is the same target: later, with other subscriptions', async () => {
    const store = testStore();
    const id = await registered(store);
    const changes = {
      subscriptions: [subscription(), { ...subscription('Sent'), hash: undefined }],
      topic: 'another',
      apsVersion: 3,
      source: 'dovecot' as const,
    };
    const result = await registration(store, changes, { nowMs: NOW_MS + 5 });
    expect(result).toEqual({ created: false, replaced: 0, evicted: 0, outdated: false });
    expect(await store.listTargets({})).toMatchObject([
      { id, registeredMs: NOW_MS, renewedMs: NOW_MS + 5, topic: 'another', apsVersion: 3, source: 'dovecot' },
    ]);
    expect(await paths(store, id)).toEqual(['INBOX', 'Sent']);
    expect((await store.subscriptionsOf(id))[1]).toMatchObject({ hash: undefined });
  });

  test('a renewal ends a row of failures, and with a clock set back is of now', async () => {
    const store = testStore();
    await registered(store);
    await store.write((sql) =>
      sql(
        `UPDATE targets SET failures = 3, last_error = 'BadDeviceToken', failing_since_ms = 1, disabled_ms = 2`,
      ).run(),
    );
    await registration(store, {}, { nowMs: NOW_MS - 1000 });
    expect(await store.listTargets({})).toMatchObject([
      {
        failures: 0,
        lastError: 'BadDeviceToken',
        failingSinceMs: null,
        disabledMs: null,
        registeredMs: NOW_MS - 1000,
        renewedMs: NOW_MS - 1000,
      },
    ]);
  });

  test('a renewal keeps the push that is owed', async () => {
    const store = testStore();
    const id = await registered(store);
    await enqueued(store);
    await registration(store, {}, { nowMs: NOW_MS + 5 });
    expect(await rowsOf(store, 'SELECT target_id AS id FROM outbox')).toEqual([{ id }]);
  });

  test('a new account id of the same device replaces the older one', async () => {
    const store = testStore();
    const old = await registered(store, { accountId: 'old-account-id-01' });
    await enqueued(store);
    const result = await registration(store, { accountId: 'new-account-id-01' });
    expect(result).toEqual({ created: true, replaced: 1, evicted: 0, outdated: false });
    expect(await accountIds(store)).toEqual(['new-account-id-01']);
    expect(await store.subscriptionsOf(old)).toEqual([]);
    expect(await rowsOf(store, 'SELECT * FROM outbox')).toEqual([]);
  });

  test('account ids differ by case', async () => {
    const store = testStore();
    await registered(store, { accountId: 'account-id-00000a' });
    expect(await registration(store, { accountId: 'account-id-00000A' })).toMatchObject({ created: true });
  });

  test('the same account id on another token, a cloned phone, is another target', async () => {
    const store = testStore();
    await registered(store, { deviceToken: tokenNumber(1) });
    expect(await registration(store, { deviceToken: tokenNumber(2) })).toMatchObject({
      created: true,
      replaced: 0,
    });
    expect(await store.listTargets({})).toHaveLength(2);
  });

  test('another subtopic of the same device is replaced by nothing', async () => {
    const store = testStore();
    await registered(store, { subtopic: 'another', accountId: 'another-account-id' });
    expect(await registration(store)).toMatchObject({ created: true, replaced: 0 });
    expect(await store.listTargets({})).toHaveLength(2);
  });

  test('the same ids under another user take nothing from the first', async () => {
    const store = testStore();
    const first = await registered(store);
    const before = await store.listTargets({ user: 'alice' });
    const result = await registration(store, {
      user: 'mallory',
      subscriptions: [subscription('INBOX', 'mallory')],
    });
    expect(result).toEqual({ created: true, replaced: 0, evicted: 0, outdated: false });
    expect(await registration(store, { user: 'mallory', accountId: 'another-account-id' })).toMatchObject({
      replaced: 1,
    });
    expect(await store.listTargets({ user: 'alice' })).toEqual(before);
    expect(await paths(store, first)).toEqual(['Archive', 'INBOX']);
  });

  test('an id is never used again', async () => {
    const store = testStore();
    const first = await registered(store);
    await store.write((sql) => sql('DELETE FROM targets').run());
    expect(await registered(store)).toBeGreaterThan(first);
  });
});

describe('max_per_user', () => {
  const phone = (n: number): Partial<NewTarget> => ({
    deviceToken: tokenNumber(n),
    accountId: `account-${n}`,
  });

  test('the least recently renewed has to go', async () => {
    const store = testStore();
    await registered(store, phone(1), { nowMs: NOW_MS });
    await registered(store, phone(2), { nowMs: NOW_MS + 1 });
    await registered(store, phone(1), { nowMs: NOW_MS + 2 });
    await registered(store, { ...phone(9), user: 'bob' }, { nowMs: NOW_MS - 100 });
    const result = await registration(store, phone(3), { nowMs: NOW_MS + 3, maxPerUser: 2 });
    expect(result).toEqual({ created: true, replaced: 0, evicted: 1, outdated: false });
    expect(await accountIds(store)).toEqual(['account-3', 'account-1']);
    expect(await accountIds(store, 'bob')).toEqual(['account-9']);
  });

  test('another source pushes out its own alone', async () => {
    const store = testStore();
    await registered(store, phone(1), { nowMs: NOW_MS });
    for (let n = 2; n <= 6; n += 1)
      await registration(store, { ...phone(n), source: 'xaps' }, { nowMs: NOW_MS + n, maxPerUser: 2 });
    expect(await accountIds(store)).toEqual(['account-6', 'account-5', 'account-1']);
    await registration(store, phone(7), { nowMs: NOW_MS + 9, maxPerUser: 2 });
    expect(await accountIds(store)).toContain('account-1');
  });

  test('a limit that was lowered takes several', async () => {
    const store = testStore();
    for (let n = 1; n <= 5; n += 1) await registered(store, phone(n), { nowMs: NOW_MS + n });
    expect(await registration(store, phone(3), { nowMs: NOW_MS + 9, maxPerUser: 2 })).toMatchObject({
      evicted: 3,
    });
    expect(await accountIds(store)).toEqual(['account-3', 'account-5']);
  });

  test('it is never the one just registered, even with a clock set back', async () => {
    const time = fc.integer({ min: 0, max: 10 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), time), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 4 }),
        async (registrations, maxPerUser) => {
          const store = testStore();
          for (const [n, nowMs] of registrations) {
            await registration(store, phone(n), { nowMs, maxPerUser });
            const ids = await accountIds(store);
            expect(ids).toContain(`account-${n}`);
            expect(ids.length).toBeLessThanOrEqual(maxPerUser);
          }
          store.close();
        },
      ),
      { numRuns: 15 },
    );
  });
});
