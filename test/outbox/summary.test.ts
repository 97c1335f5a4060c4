import { describe, expect, test } from 'vitest';
import { summariseTargets, summariseWaiting, type TargetSummary } from '../../src/outbox/summary.ts';
import { announceServe } from '../../src/outbox/served.ts';
import { processName } from '../../src/process-name.ts';
import { tokenNumber } from '../support/events.ts';
import { claimed, enqueued, LEASE_MS, NOW_MS, registered, testStore } from '../support/store.ts';

const DAY_MS = 86_400_000;

describe('targets', () => {
  test('a serve that was killed does not run', async () => {
    const store = testStore();
    const living = processName()!;
    const killed = living.replace(/\d+$/, '1'); // of the same pid, begun at another time
    await announceServe(store, { owner: killed, sinceMs: 1, nowMs: NOW_MS, outdated: '/etc/x' });
    const summary = (): Promise<TargetSummary> => summariseTargets(store, NOW_MS - DAY_MS, NOW_MS);
    expect(await summary()).toMatchObject({ served: undefined });
    await announceServe(store, { owner: living, sinceMs: 2, nowMs: NOW_MS, outdated: undefined });
    expect(await summary()).toMatchObject({ served: { sinceMs: 2, outdated: [] } });
  });

  test('of an empty store', async () => {
    expect(await summariseTargets(testStore(), NOW_MS - DAY_MS, NOW_MS)).toEqual({
      targets: 0,
      users: 0,
      renewed: 0,
      disabled: 0,
      ahead: 0,
      lastSuccess: undefined,
      lastFailure: undefined,
      served: undefined,
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
    await announceServe(store, { owner: 'a', sinceMs: NOW_MS - 5, nowMs: NOW_MS, outdated: undefined });
    expect(await summariseTargets(store, NOW_MS - DAY_MS, NOW_MS)).toEqual({
      targets: 3,
      users: 2,
      renewed: 2,
      disabled: 1,
      ahead: 0,
      lastSuccess: { ms: 3, device: { user: 'bob', deviceToken: tokenNumber(2) } },
      lastFailure: { ms: 9, reason: 'error 1', device: { user: 'alice', deviceToken: tokenNumber(0) } },
      served: { sinceMs: NOW_MS - 5, outdated: [] },
    });
  });

  test('that are gone leave their success behind', async () => {
    const store = testStore();
    await store.write((sql) =>
      sql(`INSERT INTO credentials (fingerprint, server, last_success_ms) VALUES ('f', 's', 7)`).run(),
    );
    expect(await summariseTargets(store, 0, NOW_MS)).toMatchObject({
      lastSuccess: { ms: 7, device: undefined },
    });
    await registered(store);
    await store.write((sql) => sql('UPDATE targets SET last_success_ms = 7').run());
    expect(await summariseTargets(store, 0, NOW_MS)).toMatchObject({
      lastSuccess: { ms: 7, device: { user: 'alice' } },
    });
  });
});

describe('what waits', () => {
  test('is nothing', async () => {
    expect(await summariseWaiting(testStore(), NOW_MS)).toEqual({
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
    expect(await summariseWaiting(store, NOW_MS + LEASE_MS - 1)).toEqual({
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
    const { groups, nextMs } = await summariseWaiting(store, NOW_MS + LEASE_MS);
    expect([groups.sending, groups.new?.pushes, nextMs]).toEqual([undefined, 2, NOW_MS + 2]);
  });
});
