import { describe, expect, test } from 'vitest';
import { tokenNumber } from '../../support/events.ts';
import { claimed, enqueued, LEASE_MS, NOW_MS, registered, testStore } from '../../support/store.ts';

const DAY_MS = 86_400_000;

describe('targets', () => {
  test('of an empty store', async () => {
    expect(await testStore().summariseTargets(NOW_MS - DAY_MS, NOW_MS)).toEqual({
      targets: 0,
      ofCyrus: 0,
      collections: { calendar: { targets: 0, users: 0 }, contacts: { targets: 0, users: 0 } },
      users: 0,
      renewed: 0,
      disabled: 0,
      ahead: 0,
      lastSuccess: undefined,
      lastFailure: undefined,
      serves: [],
    });
  });

  test('in numbers, with the latest success and failure and whose they are', async () => {
    const store = testStore();
    await registered(store, { deviceToken: tokenNumber(0) }, { nowMs: NOW_MS - DAY_MS - 1 });
    await registered(store, { deviceToken: tokenNumber(1) });
    await registered(store, { user: 'bob', deviceToken: tokenNumber(2) });
    await store.write((sql) => {
      sql(
        `UPDATE targets SET last_success_ms = id, last_error_ms = 10 - id, last_error = 'error ' || id`,
      ).run();
      sql('UPDATE targets SET disabled_ms = 1 WHERE id = 3').run();
    });
    await store.announceServe({ owner: 'a', sinceMs: NOW_MS - 5, nowMs: NOW_MS, outdated: undefined });
    expect(await store.summariseTargets(NOW_MS - DAY_MS, NOW_MS)).toEqual({
      targets: 3,
      ofCyrus: 3,
      collections: { calendar: { targets: 0, users: 0 }, contacts: { targets: 0, users: 0 } },
      users: 2,
      renewed: 2,
      disabled: 1,
      ahead: 0,
      lastSuccess: { ms: 3, device: { user: 'bob', deviceToken: tokenNumber(2) } },
      lastFailure: { ms: 9, reason: 'error 1', device: { user: 'alice', deviceToken: tokenNumber(0) } },
      serves: [{ owner: 'a', sinceMs: NOW_MS - 5, outdated: null, closed: [] }],
    });
  });

  test('that are gone leave their success behind', async () => {
    const store = testStore();
    await store.write((sql) =>
      sql(`INSERT INTO credentials (fingerprint, server, last_success_ms) VALUES ('f', 's', 7)`).run(),
    );
    expect(await store.summariseTargets(0, NOW_MS)).toMatchObject({
      lastSuccess: { ms: 7, device: undefined },
    });
    await registered(store);
    await store.write((sql) => sql('UPDATE targets SET last_success_ms = 7').run());
    expect(await store.summariseTargets(0, NOW_MS)).toMatchObject({
      lastSuccess: { ms: 7, device: { user: 'alice' } },
    });
  });
});

describe('what waits', () => {
  test('is nothing', async () => {
    expect(await testStore().summariseWaiting(NOW_MS)).toEqual({
      groups: {},
      nextMs: undefined,
      oldest: undefined,
    });
  });

  test('by why it waits, the oldest, and when the next one may be tried', async () => {
    const store = testStore();
    for (let n = 0; n < 4; n += 1) await registered(store, { deviceToken: tokenNumber(n) });
    await enqueued(store);
    const [sending] = await claimed(store, { limit: 1 });
    await store.write((sql) => {
      sql('UPDATE outbox SET enqueued_ms = enqueued_ms - target_id, due_ms = due_ms + target_id').run();
      sql(
        `UPDATE outbox SET held_by = 'apple', attempted_ms = enqueued_ms, last_reason = 'reason ' || target_id
         WHERE target_id IN (3, 4)`,
      ).run();
    });
    expect(sending?.targetId).toBe(1);
    expect(await store.summariseWaiting(NOW_MS + LEASE_MS - 1)).toEqual({
      groups: {
        sending: { pushes: 1, oldestMs: NOW_MS - 1, attemptedMs: NOW_MS, reason: null },
        new: { pushes: 1, oldestMs: NOW_MS - 2, attemptedMs: null, reason: null },
        apple: { pushes: 2, oldestMs: NOW_MS - 4, attemptedMs: NOW_MS - 3, reason: 'reason 3' },
      },
      nextMs: NOW_MS + 2,
      oldest: {
        user: 'alice',
        deviceToken: tokenNumber(3),
        ms: NOW_MS - 4,
        state: 'apple',
        reason: 'reason 4',
      },
    });
    const { groups, nextMs } = await store.summariseWaiting(NOW_MS + LEASE_MS);
    expect([groups.sending, groups.new?.pushes, nextMs]).toEqual([undefined, 2, NOW_MS + 2]);
  });
});
