import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Store } from '../../../src/store/store.ts';
import { AT_ONCE } from '../../../src/outbox/timing.ts';
import { tokenNumber } from '../../support/events.ts';
import {
  ALICES_ARCHIVE,
  ALICES_INBOX,
  claimed,
  claimedOne,
  enqueued,
  holdWriteLock,
  LEASE_MS,
  newTarget,
  NOW_MS,
  openTestStore,
  outboxRow,
  registered,
  rowsOf,
  subscription,
  temporaryFolder,
  testStore,
  waitingMailboxes,
} from '../../support/store.ts';

/** A row that was tried and waits, as `settle` leaves it. */
async function waitingRow(hold: string): Promise<Store> {
  const store = testStore();
  await registered(store);
  await enqueued(store);
  await claimed(store);
  await store.write((sql) =>
    sql(
      `UPDATE outbox SET lease_owner = NULL, lease_until_ms = NULL, held_by = ?, due_ms = ?, last_reason = 'x'`,
    ).run(hold, NOW_MS + 60_000),
  );
  return store;
}

describe('events that come together', () => {
  test('are looked up in the transaction that is due anyway, also those that concern nobody', async () => {
    const store = openTestStore(join(temporaryFolder(), 'x.db'), { create: true, batched: true });
    await registered(store);
    const request = {
      event: 'MessageNew' as const,
      nowMs: NOW_MS,
      newApnsId: () => 'first',
      timing: AT_ONCE,
    };
    const ask = (owner: string): ReturnType<Store['enqueue']> =>
      store.enqueue({ ...request, mailboxes: [{ owner, path: 'INBOX' }] });
    const alices = ask('alice');
    expect(await Promise.all([alices, ask('nobody'), ask('alice')])).toMatchObject([
      { targetIds: [1] },
      { targetIds: [] },
      { targetIds: [1] },
    ]);
    expect(await outboxRow(store)).toMatchObject({ generation: 2 });
    store.close();
  });
});

describe('enqueue', () => {
  test('a new push is due at once', async () => {
    const store = testStore();
    const id = await registered(store);
    expect(await enqueued(store, { event: 'MessageRead' })).toEqual([id]);
    expect(await outboxRow(store)).toEqual({
      target_id: id,
      apns_id: 'first',
      generation: 1,
      event: 'MessageRead',
      enqueued_ms: NOW_MS,
      event_ms: NOW_MS,
      due_ms: NOW_MS,
      attempts: 0,
      attempted_ms: null,
      held_by: null,
      last_reason: null,
      lease_owner: null,
      lease_until_ms: null,
    });
    expect(await waitingMailboxes(store)).toEqual(['alice:INBOX']);
  });

  test('goes to those subscribed to that mailbox of that owner', async () => {
    const store = testStore();
    const alice = await registered(store);
    const inboxOnly = await registered(store, {
      deviceToken: tokenNumber(1),
      subscriptions: [subscription()],
    });
    const bob = await registered(store, { user: 'bob', subscriptions: [subscription('INBOX', 'bob')] });
    const bobForAlice = await registered(store, { user: 'carol' });
    expect(await enqueued(store)).toEqual([alice, inboxOnly, bobForAlice]);
    expect(await enqueued(store, { mailboxes: [ALICES_ARCHIVE] })).toEqual([alice, bobForAlice]);
    expect(await enqueued(store, { mailboxes: [{ owner: 'bob', path: 'INBOX' }] })).toEqual([bob]);
    for (const mailbox of [
      { owner: 'alice', path: 'inbox' },
      { owner: '', path: 'INBOX' },
      { owner: 'bob', path: 'Archive' },
    ])
      expect(await enqueued(store, { mailboxes: [mailbox] })).toEqual([]);
  });

  test('an event in two mailboxes is one push to a target', async () => {
    const store = testStore();
    const id = await registered(store);
    expect(await enqueued(store, { mailboxes: [ALICES_INBOX, ALICES_ARCHIVE] })).toEqual([id]);
    expect(await waitingMailboxes(store)).toEqual(['alice:Archive', 'alice:INBOX']);
  });

  test('a later event joins the waiting push, which stays the same one', async () => {
    const store = testStore();
    await registered(store);
    await enqueued(store);
    await enqueued(store, {
      mailboxes: [ALICES_ARCHIVE],
      nowMs: NOW_MS + 7,
      apnsId: 'second',
      event: 'MessageTrash',
    });
    expect(await outboxRow(store)).toMatchObject({
      apns_id: 'first',
      generation: 2,
      event: 'MessageTrash',
      enqueued_ms: NOW_MS,
      event_ms: NOW_MS + 7,
      due_ms: NOW_MS,
    });
    expect(await waitingMailboxes(store)).toEqual(['alice:Archive', 'alice:INBOX']);
    const generations = await rowsOf(store, 'SELECT path, generation FROM outbox_mailboxes ORDER BY path');
    expect(generations.map(({ generation }) => generation)).toEqual([2, 1]);
  });

  test.each(['apple', 'connection', 'credential', 'topic'])(
    'what joins one that was tried and waits for %s is due now',
    async (hold) => {
      const store = await waitingRow(hold);
      await enqueued(store, { nowMs: NOW_MS + 7 });
      expect(await outboxRow(store)).toMatchObject({ generation: 2, due_ms: NOW_MS + 7, attempts: 1 });
    },
  );

  test('a device that Apple wants left alone is', async () => {
    const store = await waitingRow('device');
    await enqueued(store, { nowMs: NOW_MS + 7 });
    expect(await outboxRow(store)).toMatchObject({
      generation: 2,
      due_ms: NOW_MS + 60_000,
      held_by: 'device',
    });
  });

  test('what is under way may be joined', async () => {
    const store = testStore();
    await registered(store);
    await enqueued(store);
    await claimed(store);
    await enqueued(store, { apnsId: 'second' });
    expect(await outboxRow(store)).toMatchObject({ apns_id: 'first', generation: 2, lease_owner: 'one' });
  });

  test('passes over a device that is disabled, and says so', async () => {
    const store = testStore();
    const id = await registered(store);
    const other = await registered(store, { deviceToken: 'bb'.repeat(32) });
    await store.write((sql) => sql('UPDATE targets SET disabled_ms = 1 WHERE id = ?').run(id));
    const request = { event: 'MessageNew', nowMs: NOW_MS, newApnsId: () => 'id', timing: AT_ONCE } as const;
    const mailboxes = [ALICES_INBOX, ALICES_ARCHIVE];
    expect(await store.enqueue({ ...request, mailboxes })).toEqual({
      targetIds: [other],
      disabled: 1,
      denied: 0,
      unnamed: 0,
    });
  });

  test('for nobody needs no write lock, and else does', async () => {
    const store = testStore(undefined, 10);
    await registered(store);
    holdWriteLock(store.file);
    expect(await enqueued(store, { mailboxes: [{ owner: 'nobody', path: 'INBOX' }] })).toEqual([]);
    await expect(enqueued(store)).rejects.toMatchObject({ busy: true });
  });
});

describe('claim', () => {
  test('gives all that a push needs, and records the attempt and the lease', async () => {
    const store = testStore();
    const id = await registered(store);
    await enqueued(store, { mailboxes: [ALICES_ARCHIVE, ALICES_INBOX] });
    const { user, deviceToken, accountId, topic } = newTarget();
    expect(await claimed(store, { nowMs: NOW_MS + 3 })).toEqual([
      {
        targetId: id,
        user,
        deviceToken,
        accountId,
        topic,
        renewedMs: NOW_MS,
        apnsId: 'first',
        event: 'MessageNew',
        generation: 2,
        attempts: 1,
        eventMs: NOW_MS,
        enqueuedMs: NOW_MS,
        mailboxes: [
          { ...ALICES_INBOX, hash: 'md5 of INBOX', inbox: true },
          { ...ALICES_ARCHIVE, hash: 'md5 of Archive', inbox: false },
        ],
      },
    ]);
    expect(await outboxRow(store)).toMatchObject({
      attempts: 1,
      attempted_ms: NOW_MS + 3,
      lease_owner: 'one',
      lease_until_ms: NOW_MS + 3 + LEASE_MS,
    });
  });

  test('leaves what is not due yet', async () => {
    const store = testStore();
    await registered(store);
    await enqueued(store);
    expect(await claimed(store, { nowMs: NOW_MS - 1 })).toEqual([]);
    expect(await claimed(store, { nowMs: NOW_MS })).toHaveLength(1);
  });

  test('a leased row is nobody else’s until the lease ends', async () => {
    const store = testStore();
    await registered(store);
    await enqueued(store);
    await claimed(store);
    for (const owner of ['one', 'two'])
      expect(await claimed(store, { owner, nowMs: NOW_MS + LEASE_MS - 1 })).toEqual([]);
    const again = await claimedOne(store, { owner: 'two', nowMs: NOW_MS + LEASE_MS });
    expect(again).toMatchObject({ apnsId: 'first', attempts: 2 });
    expect(await outboxRow(store)).toMatchObject({ lease_owner: 'two' });
  });

  test('takes the oldest first, and no more than the limit', async () => {
    const store = testStore();
    const ids = [];
    for (let n = 0; n < 5; n += 1) {
      ids.push(
        await registered(store, { user: `user${n}`, subscriptions: [subscription('INBOX', `user${n}`)] }),
      );
      await enqueued(store, { mailboxes: [{ owner: `user${n}`, path: 'INBOX' }], nowMs: NOW_MS - n });
    }
    const first = await claimed(store, { limit: 2 });
    expect(first.map(({ targetId }) => targetId)).toEqual([ids[4], ids[3]]);
    expect(await claimed(store, { limit: 100 })).toHaveLength(3);
  });

  test('two connections never get the same row', async () => {
    const store = testStore();
    const other = testStore(store.file);
    for (let n = 0; n < 40; n += 1)
      await registered(store, { deviceToken: tokenNumber(n) }, { maxPerUser: 100 });
    await enqueued(store);
    const taken: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      const batches = await Promise.all([
        claimed(store, { owner: 'one', limit: 3 }),
        claimed(other, { owner: 'two', limit: 3 }),
      ]);
      taken.push(...batches.flat().map(({ targetId }) => targetId));
    }
    expect(taken).toHaveLength(40);
    expect(new Set(taken).size).toBe(40);
  });

  test('a push takes so many mailboxes, INBOX first and then the oldest', async () => {
    const store = testStore();
    const names = ['A', 'B', 'C', 'D'];
    await registered(store, { subscriptions: [...names, 'INBOX'].map((name) => subscription(name)) });
    for (const path of ['D', 'B', 'INBOX', 'A'])
      await enqueued(store, { mailboxes: [{ owner: 'alice', path }] });
    const { mailboxes } = await claimedOne(store, { maxMailboxes: 3 });
    expect(mailboxes.map(({ path }) => path)).toEqual(['INBOX', 'D', 'B']);
  });

  test('only the INBOX of the target’s own user counts as INBOX', async () => {
    const store = testStore();
    await registered(store, { user: 'bob', subscriptions: [subscription('INBOX', 'alice')] });
    await enqueued(store);
    expect((await claimedOne(store)).mailboxes).toEqual([
      { ...ALICES_INBOX, hash: 'md5 of INBOX', inbox: false },
    ]);
  });

  test('mailboxes that the device no longer wants are not told', async () => {
    const store = testStore();
    await registered(store);
    await enqueued(store, { mailboxes: [ALICES_INBOX, ALICES_ARCHIVE] });
    await registered(store, { subscriptions: [subscription('Archive'), subscription('Sent')] });
    expect((await claimedOne(store)).mailboxes.map(({ path }) => path)).toEqual(['Archive']);
  });

  test('a row that is left without a mailbox is not owed any more', async () => {
    const store = testStore();
    await registered(store);
    await enqueued(store);
    await store.register(newTarget({ subscriptions: [subscription('Sent')] }), {
      nowMs: NOW_MS,
      maxPerUser: 20,
    });
    expect(await claimed(store)).toEqual([]);
    expect(await rowsOf(store, 'SELECT * FROM outbox')).toEqual([]);
    expect(await waitingMailboxes(store)).toEqual([]);
  });
});

test('who subscribed is found by owner and path', async () => {
  const store = testStore();
  const alice = await registered(store);
  await registered(store, { user: 'bob', subscriptions: [subscription('INBOX', 'bob')] });
  expect(await store.subscribed([{ owner: 'alice', path: 'INBOX' }])).toEqual([alice]);
  expect(await store.subscribed([{ owner: 'carol', path: 'INBOX' }])).toEqual([]);
});

describe('owed', () => {
  test('counts rows and gives the time of the next attempt', async () => {
    const store = testStore();
    expect(await store.countDue()).toEqual({ rows: 0, nextMs: undefined });
    expect(await store.nextDueMs()).toBe(undefined);
    const alice = await registered(store);
    const bob = await registered(store, { user: 'bob', subscriptions: [subscription('INBOX', 'bob')] });
    await enqueued(store, { nowMs: NOW_MS + 5 });
    expect(await store.countDue()).toEqual({ rows: 1, nextMs: NOW_MS + 5 });
    expect(await store.nextDueMs()).toBe(NOW_MS + 5);
    await claimed(store, { nowMs: NOW_MS + 5 });
    expect(await store.countDue()).toEqual({ rows: 1, nextMs: NOW_MS + 5 + LEASE_MS });
    expect(await store.nextDueMs()).toBe(NOW_MS + 5 + LEASE_MS);
    await enqueued(store, { mailboxes: [{ owner: 'bob', path: 'INBOX' }], nowMs: NOW_MS + 9 });
    expect(await store.countDue()).toEqual({ rows: 2, nextMs: NOW_MS + 9 });
    expect(await store.nextDueMs()).toBe(NOW_MS + 9);
    expect(await store.stillWaiting([alice, bob, 99])).toEqual([alice, bob]);
    await store.write((sql) => sql(`DELETE FROM targets WHERE user = 'bob'`).run());
    expect(await store.stillWaiting([alice, bob])).toEqual([alice]);
  });
});
