import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Outcome } from '../../../src/outbox/outcome.ts';
import { LEASE_MS } from '../../../src/outbox/timing.ts';
import { DUE, FRESH } from '../../../src/store/sqlite/claim.ts';
import { OF_OWNERS } from '../../../src/store/sqlite/leases.ts';
import { createClockWatch } from '../../../src/delivery/clock-watch.ts';
import { setAllRight } from '../../../src/delivery/setting-right.ts';
import { createTestClock } from '../../support/clock.ts';
import { tokenNumber } from '../../support/events.ts';
import { recordedLog } from '../../support/recorded-log.ts';
import {
  claimed,
  emptied,
  enqueued,
  NOW_MS,
  outboxRow,
  registered,
  rowsOf,
  testStore,
} from '../../support/store.ts';
import { settle, SETTLE_CONTEXT } from '../../support/settling.ts';

const DAY_MS = 86_400_000;
const TIMING = { throttleMs: 5000, housekeepingDelayMs: 30_000 };
const USERS = ['a', 'b', 'c'];
const ALL = { nowMs: NOW_MS, afterTargetId: 0, limit: 100 };

const RETRY = (scope: 'apple' | 'device' | 'connection'): Outcome => ({
  kind: 'retry',
  reason: 'later',
  scope,
  reconnect: false,
});
const OUTCOMES: Outcome[] = [{ kind: 'delivered' }, RETRY('apple'), RETRY('device'), RETRY('connection')];

const step = fc.oneof(
  fc.record({ do: fc.constant('jump' as const), ms: fc.integer({ min: -30 * DAY_MS, max: 30 * DAY_MS }) }),
  fc.record({ do: fc.constant('event' as const), user: fc.constantFrom(...USERS) }),
  fc.record({ do: fc.constant('register' as const), user: fc.constantFrom(...USERS) }),
  fc.record({ do: fc.constant('send' as const), outcome: fc.constantFrom(...OUTCOMES, undefined) }),
);

async function event(store: ReturnType<typeof testStore>, user: string, nowMs: number): Promise<void> {
  const mailboxes = [{ owner: user, path: 'INBOX' }];
  await store.enqueue({ event: 'MessageNew', mailboxes, nowMs, newApnsId: () => 'id', timing: TIMING });
}

const register = (store: ReturnType<typeof testStore>, user: string, nowMs: number): Promise<number> =>
  registered(
    store,
    {
      user,
      deviceToken: tokenNumber(USERS.indexOf(user)),
      subscriptions: [{ owner: user, path: 'INBOX', name: 'INBOX', hash: undefined }],
    },
    { nowMs },
  );

test('however the clock jumped: once it is right a new event reaches every device, and no registration is lost', async () => {
  const kept = testStore();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const store = await emptied(kept);
      for (const user of USERS) await register(store, user, NOW_MS);
      let nowMs = NOW_MS;
      for (const each of steps) {
        if (each.do === 'jump') nowMs = NOW_MS + each.ms;
        else if (each.do === 'event') await event(store, each.user, nowMs);
        else if (each.do === 'register') await register(store, each.user, nowMs);
        else {
          await store.announceServe({ owner: 'serve', sinceMs: nowMs, nowMs, outdated: undefined });
          const pushes = await claimed(store, { nowMs, leaseUntilMs: nowMs + LEASE_MS });
          const { outcome } = each;
          // Without an outcome its sender was killed.
          if (outcome !== undefined)
            await settle(
              store,
              pushes.map((push) => ({ push, outcome, unprocessed: false, fingerprint: 'f' })),
              { ...SETTLE_CONTEXT, nowMs },
            );
        }
      }
      const rightMs = NOW_MS + DAY_MS / 2; // no instant of the history is near
      for (const user of USERS) await register(store, user, rightMs);
      await setAllRight(store, createTestClock(rightMs));
      for (const user of USERS) await event(store, user, rightMs);
      const pushes = await claimed(store, { nowMs: rightMs + LEASE_MS + TIMING.throttleMs });
      // What Apple asked to leave alone a moment ago may wait; all that was asked here is long ago, or in the future.
      expect(pushes.map(({ user }) => user).sort()).toEqual(USERS);
      expect(await rowsOf(store, 'SELECT renewed_ms AS ms FROM targets')).toEqual(
        USERS.map(() => ({ ms: rightMs })),
      );
    }),
    { numRuns: 40 },
  );
}, 120_000);

test('a clock that is set back is told once, and what it put off is due', async () => {
  const store = testStore();
  const clock = createTestClock(NOW_MS + 30 * DAY_MS);
  const log = recordedLog();
  const watch = createClockWatch({ store, clock, log });
  await registered(store, {}, { nowMs: clock.nowMs() });
  await store.enqueue({
    event: 'MessageNew',
    mailboxes: [{ owner: 'alice', path: 'INBOX' }],
    nowMs: clock.nowMs(),
    newApnsId: () => 'id',
    timing: TIMING,
  });
  await watch.look();
  await watch.setRight();
  clock.jump(-30 * DAY_MS);
  await watch.look();
  await watch.look();
  expect(await watch.setRight()).toBeUndefined();
  expect(log.messages('warn').filter((text) => text.includes('set back'))).toHaveLength(1);
  expect(log.messages('warn').filter((text) => text.includes('in the future:'))).toHaveLength(1);
  expect(await claimed(store, { nowMs: clock.nowMs() })).toHaveLength(1);
  expect(await store.summariseTargets(NOW_MS - DAY_MS, NOW_MS)).toMatchObject({ ahead: 1 });
});

test('what lies a little ahead was written by another process meanwhile', async () => {
  const store = testStore();
  await registered(store);
  const laterMs = NOW_MS + 3000;
  await enqueued(store, { nowMs: laterMs });
  await claimed(store, { nowMs: laterMs });
  expect(await claimed(store, { nowMs: NOW_MS + 2000, owner: 'two' })).toEqual([]);
  expect(await store.setRight(ALL)).toMatchObject({ rows: 0 });
});

test('an event of the future is of now, and grows old from now on', async () => {
  const store = testStore();
  await registered(store);
  await enqueued(store, { nowMs: NOW_MS + 30 * DAY_MS });
  expect(await store.setRight(ALL)).toMatchObject({ rows: 1 });
  expect(await outboxRow(store)).toMatchObject({ event_ms: NOW_MS, enqueued_ms: NOW_MS, due_ms: NOW_MS });
});

test('what is due is found by its index, the longest due first', async () => {
  const store = testStore();
  const plan = await store.read((sql) => sql(`EXPLAIN QUERY PLAN ${DUE}`).all({ nowMs: NOW_MS, limit: 1 }));
  expect(plan.map((row) => (row as { detail: string }).detail)).toEqual([
    'SEARCH outbox USING INDEX outbox_by_due (due_ms<?)',
  ]);
});

test('what is fresh is found past however much is older, the latest event first', async () => {
  const store = testStore();
  const values = { nowMs: NOW_MS, eventAfterMs: NOW_MS - DAY_MS, limit: 1 };
  const plan = await store.read((sql) => sql(`EXPLAIN QUERY PLAN ${FRESH}`).all(values));
  expect(plan.map((row) => (row as { detail: string }).detail)).toEqual([
    'SEARCH outbox USING INDEX outbox_by_event (event_ms>?)',
  ]);
});

test.each([
  ['SELECT DISTINCT lease_owner FROM outbox WHERE lease_owner IS NOT NULL', {}],
  [`UPDATE outbox SET lease_owner = NULL WHERE ${OF_OWNERS}`, { owners: '["one"]' }],
])('what is being sent is found by its index, however much waits: %s', async (text, values) => {
  const store = testStore();
  const plan = await store.read((sql) => sql(`EXPLAIN QUERY PLAN ${text}`).all(values));
  const details = plan.map((row) => (row as { detail: string }).detail);
  expect(details.filter((detail) => detail.includes('outbox'))).toEqual([
    expect.stringMatching(/INDEX outbox_by_lease/),
  ]);
});
