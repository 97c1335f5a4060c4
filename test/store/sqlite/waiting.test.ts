import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Hold } from '../../../src/outbox/hold.ts';
import type { WaitingFilter, WaitingPush } from '../../../src/outbox/waiting.ts';
import { waitingPushes } from '../../../src/waiting/list.ts';
import { ACCOUNT_ID, DEVICE_TOKEN, tokenNumber } from '../../support/events.ts';
import {
  ALICES_ARCHIVE,
  ALICES_INBOX,
  claimed,
  enqueued,
  LEASE_MS,
  NOW_MS,
  registered,
  rowsOf,
  subscription,
  testStore,
  type TestStore,
} from '../../support/store.ts';

const LATER_MS = NOW_MS + 60_000;

interface Row {
  user: 'alice' | 'bob';
  heldBy: Hold | null;
  dueMs: number;
  /** Undefined: nobody has it. */
  leaseUntilMs?: number | undefined;
}

/** A store with these rows; the n-th is for the device tokenNumber(n). */
async function storeWith(rows: readonly Row[]): Promise<TestStore> {
  const store = testStore();
  for (const [n, { user }] of rows.entries())
    await registered(store, { user, deviceToken: tokenNumber(n) }, { maxPerUser: 100 });
  await enqueued(store);
  await set(store, rows);
  return store;
}

async function set(store: TestStore, rows: readonly Row[]): Promise<void> {
  await store.write((sql) => {
    for (const [n, { heldBy, dueMs, leaseUntilMs }] of rows.entries())
      sql(
        `UPDATE outbox SET held_by = @heldBy, due_ms = @dueMs, lease_owner = @owner, lease_until_ms = @until
         WHERE target_id = (SELECT id FROM targets WHERE device_token = @token)`,
      ).run({
        heldBy,
        dueMs,
        owner: leaseUntilMs === undefined ? null : 'somebody',
        until: leaseUntilMs ?? null,
        token: tokenNumber(n),
      });
  });
}

async function listed(store: TestStore, filter: WaitingFilter, limit = -1): Promise<WaitingPush[]> {
  const pushes: WaitingPush[] = [];
  for await (const batch of waitingPushes(store, filter, limit)) pushes.push(...batch);
  return pushes;
}

async function tokens(store: TestStore, filter: WaitingFilter): Promise<string[]> {
  return (await listed(store, filter)).map(({ deviceToken }) => deviceToken);
}

describe('list', () => {
  test('tells all of a push', async () => {
    const store = testStore();
    const targetId = await registered(store);
    await enqueued(store, { mailboxes: [ALICES_INBOX, ALICES_ARCHIVE] });
    await enqueued(store, { nowMs: NOW_MS + 5, event: 'MessageRead' });
    await claimed(store, { nowMs: NOW_MS + 7, owner: '4026531836:12:34' });
    expect(await listed(store, {})).toEqual([
      {
        targetId,
        user: 'alice',
        deviceToken: DEVICE_TOKEN,
        accountId: ACCOUNT_ID,
        event: 'MessageRead',
        mailboxes: [ALICES_ARCHIVE, ALICES_INBOX],
        enqueuedMs: NOW_MS,
        eventMs: NOW_MS + 5,
        dueMs: NOW_MS,
        attempts: 1,
        attemptedMs: NOW_MS + 7,
        heldBy: null,
        lastReason: null,
        leaseOwner: '4026531836:12:34',
        leaseUntilMs: NOW_MS + 7 + LEASE_MS,
      },
    ]);
  });

  test('the oldest first, and no more than were asked for', async () => {
    const store = testStore();
    for (const [n, user] of ['carol', 'alice', 'bob'].entries()) {
      await registered(store, {
        user,
        deviceToken: tokenNumber(n),
        subscriptions: [subscription('INBOX', user)],
      });
      await enqueued(store, { nowMs: NOW_MS + n, mailboxes: [{ owner: user, path: 'INBOX' }] });
    }
    expect((await listed(store, {}, 2)).map(({ user }) => user)).toEqual(['carol', 'alice']);
  });

  test('many come in several batches, without those that are gone meanwhile', async () => {
    const store = testStore();
    await store.write((sql) => {
      const target = sql(
        `INSERT INTO targets (user, device_token, account_id, subtopic, aps_version, topic, source, registered_ms, renewed_ms)
         VALUES ('alice', ?, 'id', '', 2, '', 'cyrus', 0, 0)`,
      );
      const row = sql(
        `INSERT INTO outbox (target_id, apns_id, generation, event, enqueued_ms, event_ms, due_ms)
         VALUES (?, '', 1, 'MessageNew', 0, 0, 0)`,
      );
      for (let id = 1; id <= 1500; id += 1) {
        target.run(tokenNumber(id));
        row.run(id);
      }
    });
    const batches: number[] = [];
    for await (const batch of waitingPushes(store, {}, -1)) {
      batches.push(batch.length);
      await store.write((sql) => sql('DELETE FROM outbox WHERE target_id > 1100').run());
    }
    expect(batches).toEqual([1000, 100]);
  });

  test('those that every condition fits', async () => {
    const store = await storeWith([
      { user: 'alice', heldBy: 'apple', dueMs: NOW_MS },
      { user: 'alice', heldBy: null, dueMs: NOW_MS },
      { user: 'bob', heldBy: 'apple', dueMs: NOW_MS },
    ]);
    const [first, second, third] = [0, 1, 2].map(tokenNumber);
    expect(await tokens(store, {})).toEqual([first, second, third]);
    expect(await tokens(store, { user: 'alice' })).toEqual([first, second]);
    expect(await tokens(store, { heldBy: 'apple' })).toEqual([first, third]);
    expect(await tokens(store, { user: 'alice', heldBy: 'apple' })).toEqual([first]);
    expect(await tokens(store, { tokenPrefix: second!.toUpperCase() })).toEqual([second]);
    expect(await tokens(store, { accountId: ACCOUNT_ID })).toHaveLength(3);
    expect(await tokens(store, { accountId: 'other' })).toEqual([]);
    expect(await tokens(store, { enqueuedUntilMs: NOW_MS - 1 })).toEqual([]);
    expect(await tokens(store, { user: `' OR 1 = 1 --` })).toEqual([]);
  });
});

describe('retry', () => {
  test('makes due what waits, and tells what Apple had asked for', async () => {
    const store = await storeWith([
      { user: 'alice', heldBy: 'device', dueMs: LATER_MS },
      { user: 'alice', heldBy: 'device', dueMs: NOW_MS - 1 },
      { user: 'alice', heldBy: 'connection', dueMs: LATER_MS },
      { user: 'alice', heldBy: null, dueMs: LATER_MS, leaseUntilMs: NOW_MS + 1 },
      { user: 'bob', heldBy: null, dueMs: LATER_MS },
    ]);
    expect(await store.retryWaiting({ user: 'alice' }, NOW_MS)).toMatchObject({
      count: { free: 3, askedToWait: 1, sending: 1 },
      madeDue: [{ deviceToken: tokenNumber(0) }, { deviceToken: tokenNumber(2) }],
    });
    const due = await rowsOf(store, 'SELECT due_ms FROM outbox ORDER BY target_id');
    expect(due.map(({ due_ms }) => due_ms)).toEqual([NOW_MS, NOW_MS - 1, NOW_MS, LATER_MS, LATER_MS]);
    expect(await claimed(store)).toHaveLength(3);
  });
});

describe('discard', () => {
  test('removes what waits with its mailboxes, and no target', async () => {
    const store = await storeWith([
      { user: 'bob', heldBy: 'topic', dueMs: LATER_MS },
      { user: 'alice', heldBy: null, dueMs: NOW_MS, leaseUntilMs: NOW_MS },
      { user: 'alice', heldBy: null, dueMs: NOW_MS, leaseUntilMs: NOW_MS + 1 },
    ]);
    const { discarded, sending } = await store.discardWaiting({}, NOW_MS);
    expect(discarded).toMatchObject([
      { user: 'alice', deviceToken: tokenNumber(1), event: 'MessageNew' },
      { user: 'bob', deviceToken: tokenNumber(0) },
    ]);
    expect(sending).toBe(1);
    expect(await tokens(store, {})).toEqual([tokenNumber(2)]);
    expect(await rowsOf(store, 'SELECT * FROM outbox_mailboxes')).toHaveLength(1);
    expect(await rowsOf(store, 'SELECT * FROM targets')).toHaveLength(3);
    expect(await store.discardWaiting({}, NOW_MS)).toEqual({ discarded: [], sending: 1 });
  });

  test('two at once discard each push once', async () => {
    const store = await storeWith(
      Array.from({ length: 20 }, () => ({ user: 'alice', heldBy: null, dueMs: NOW_MS }) as const),
    );
    const other = testStore(store.file);
    const both = await Promise.all([store, other].map((each) => each.discardWaiting({}, NOW_MS)));
    expect(both.flatMap(({ discarded }) => discarded)).toHaveLength(20);
  });
});

test('whatever is asked for, what is being sent stays as it is', { timeout: 60_000 }, async () => {
  const near = fc.integer({ min: NOW_MS - 3, max: NOW_MS + 3 });
  const hold = fc.constantFrom<Hold | null>('device', 'apple', 'connection', 'credential', 'topic', null);
  const row = fc.record({
    user: fc.constantFrom('alice' as const, 'bob' as const),
    heldBy: hold,
    dueMs: near,
    leaseUntilMs: fc.option(near, { nil: undefined }),
  });
  const filter = fc.record(
    {
      user: fc.constantFrom('alice', 'bob', 'carol'),
      heldBy: fc.constantFrom<Hold>('device', 'apple', 'connection'),
      tokenPrefix: fc.constantFrom('', '0', tokenNumber(1)),
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { minLength: 1, maxLength: 6 }),
      filter,
      fc.boolean(),
      async (rows, some, isRetry) => {
        const store = await storeWith(rows);
        const leased = `SELECT * FROM outbox WHERE lease_until_ms > ${NOW_MS}`;
        const before = { leased: await rowsOf(store, leased), all: (await listed(store, {})).length };
        const count = await store.countWaiting(some, NOW_MS);
        const matching = (await listed(store, some)).length;
        expect(count.free + count.sending).toBe(matching);
        if (isRetry) expect((await store.retryWaiting(some, NOW_MS)).count).toEqual(count);
        else expect((await store.discardWaiting(some, NOW_MS)).discarded).toHaveLength(count.free);
        expect(await rowsOf(store, leased)).toEqual(before.leased);
        expect((await listed(store, {})).length).toBe(before.all - (isRetry ? 0 : count.free));
        const late = await rowsOf(
          store,
          `SELECT * FROM outbox WHERE due_ms > ${NOW_MS} AND lease_owner IS NULL`,
        );
        if (isRetry && Object.keys(some).length === 0) expect(late).toEqual([]);
        store.close();
      },
    ),
    { numRuns: 40 },
  );
});
