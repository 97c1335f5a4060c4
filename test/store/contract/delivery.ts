import { expect, test } from 'vitest';
import { claimed, claimedOne, enqueued, LEASE_MS, NOW_MS } from '../../support/store.ts';
import { settle, SETTLE_CONTEXT } from '../../support/settling.ts';
import type { Store } from '../../../src/store/store.ts';
import type { Target } from '../../../src/targets/record.ts';
import {
  APPLE_AWAY,
  attempt,
  DELIVERED,
  DEVICE_THROTTLED,
  GONE,
  type Open,
  UNREACHABLE,
  waitingFor,
  withPhone,
  WRONG_TOPIC,
} from './scene.ts';

/** When attempts are settled. */
const ENDED_MS = SETTLE_CONTEXT.nowMs;

/** A phone for which a push waits. */
async function withWaiting(store: Store, n: number, nowMs = NOW_MS): Promise<Target> {
  const target = await withPhone(store, n);
  await enqueued(store, { mailboxes: [{ owner: `user${n}`, path: 'INBOX' }], nowMs });
  return target;
}

/** What whoever delivers does with any store. */
export function deliveryContract(open: Open): void {
  test('a row is leased to one owner, its attempt recorded, until the lease ends', async () => {
    const store = await open();
    const target = await withWaiting(store, 1);
    const push = await claimedOne(store, { owner: 'one' });
    expect(push).toMatchObject({ targetId: target.id, user: 'user1', attempts: 1, event: 'MessageNew' });
    expect(push.mailboxes).toMatchObject([{ owner: 'user1', path: 'INBOX', inbox: true }]);
    expect(await claimed(store, { owner: 'two' })).toEqual([]);
    expect(await store.leaseOwners()).toEqual(['one']);
    const later = await claimedOne(store, { owner: 'two', nowMs: NOW_MS + LEASE_MS });
    expect(later).toMatchObject({ attempts: 2, apnsId: push.apnsId });
  });

  test('the longest due are leased first, no more than asked for, with no more mailboxes', async () => {
    const store = await open();
    const second = await withWaiting(store, 1, NOW_MS - 1);
    const first = await withWaiting(store, 2, NOW_MS - 2);
    await enqueued(store, { mailboxes: [{ owner: 'user2', path: 'Archive' }] });
    const push = await claimedOne(store, { limit: 1, maxMailboxes: 1 });
    expect([push.targetId, push.mailboxes.length]).toEqual([first.id, 1]);
    expect((await claimedOne(store, { limit: 1 })).targetId).toBe(second.id);
  });

  test('a delivered push is over; what joined it meanwhile is a push of its own', async () => {
    const store = await open();
    const [one, two] = [await withWaiting(store, 1), await withWaiting(store, 2)];
    const pushes = await claimed(store);
    await enqueued(store, { mailboxes: [{ owner: 'user2', path: 'Archive' }], nowMs: NOW_MS + 1 });
    await settle(
      store,
      pushes.map((push) => attempt(push, DELIVERED)),
    );
    expect(await store.stillWaiting([one.id, two.id])).toEqual([two.id]);
    expect((await waitingFor(store, two)).mailboxes).toEqual([{ owner: 'user2', path: 'Archive' }]);
    expect(await store.listTargets({ user: 'user1' })).toMatchObject([
      { lastPushMs: ENDED_MS, lastSuccessMs: ENDED_MS, failures: 0 },
    ]);
  });

  test('a failed push waits for its next attempt and says why; its target counts the failure', async () => {
    const store = await open();
    const target = await withWaiting(store, 1);
    const [settlement] = await settle(store, [attempt(await claimedOne(store), DEVICE_THROTTLED)]);
    const push = await waitingFor(store, target);
    expect(push).toMatchObject({ heldBy: 'device', lastReason: 'TooManyRequests', leaseOwner: null });
    expect(settlement?.row).toEqual({ retryAtMs: push.dueMs, hold: 'device' });
    expect(await store.nextDueMs()).toBe(push.dueMs);
    expect(await store.countDue()).toEqual({ rows: 1, nextMs: push.dueMs });
    expect(await store.listTargets({ failing: true })).toMatchObject([
      { lastError: 'TooManyRequests', lastErrorMs: ENDED_MS, failures: 1, failingSinceMs: ENDED_MS },
    ]);
  });

  test('a device that is gone is removed with all that belongs to it, unless it has registered since', async () => {
    const store = await open();
    const [one, two] = [await withWaiting(store, 1), await withWaiting(store, 2)];
    const three = await withPhone(store, 3); // of the last devices none is believed to be gone
    const pushes = await claimed(store);
    await withPhone(store, 2, { nowMs: NOW_MS + 50 });
    const attempts = pushes.map((push) => attempt(push, GONE));
    expect(await settle(store, attempts)).toMatchObject([{ removeTarget: true }, { removeTarget: true }]);
    expect(await store.targetIds({})).toEqual([two.id, three.id]);
    expect([await store.subscriptionsOf(one.id), await store.waitingById([one.id])]).toEqual([[], []]);
  });

  test('a settled push that another process has taken over is left to that one', async () => {
    const store = await open();
    const target = await withWaiting(store, 1);
    const push = await claimedOne(store, { owner: 'one' });
    await claimedOne(store, { owner: 'two', nowMs: NOW_MS + LEASE_MS });
    await settle(store, [attempt(push, DELIVERED)]);
    expect(await waitingFor(store, target)).toMatchObject({ leaseOwner: 'two', attempts: 2 });
  });

  test('what a credential has achieved is kept for each server, and told to whoever settles', async () => {
    const store = await open();
    const target = await withWaiting(store, 1);
    expect(await store.lastSuccessMs(ENDED_MS)).toBeUndefined();
    await settle(store, [attempt(await claimedOne(store), DELIVERED)]);
    expect(await store.lastSuccessMs(ENDED_MS)).toBe(ENDED_MS);
    expect(await store.lastSuccessMs(ENDED_MS - 1)).toBeUndefined();
    const question = { fingerprints: ['fingerprint'], targetIds: [target.id, 999_999], countTo: () => 5 };
    const facts = await store.settlingFacts({ ...question, server: SETTLE_CONTEXT.server });
    const record = { successes: 1, badTokens: 0, gone: 0, lastSuccessMs: ENDED_MS };
    expect(facts.credentials).toEqual(new Map([['fingerprint', record]]));
    expect(facts.blamed).toEqual(new Map([[target.id, { renewedMs: NOW_MS, failingSinceMs: null }]]));
    expect(facts.targets).toBe(1);
    const elsewhere = await store.settlingFacts({ ...question, server: 'https://sandbox' });
    expect(elsewhere.credentials.get('fingerprint')).toMatchObject({ successes: 0 });
  });

  test('one success wakes what waits for Apple or the connection, and not what waits for a device', async () => {
    const store = await open();
    const targets = [await withWaiting(store, 1), await withWaiting(store, 2), await withWaiting(store, 3)];
    const outcomes = [APPLE_AWAY, UNREACHABLE, DEVICE_THROTTLED];
    const pushes = await claimed(store);
    await settle(
      store,
      pushes.map((push) => attempt(push, outcomes[targets.findIndex(({ id }) => id === push.targetId)]!)),
    );
    expect(await store.wake(ENDED_MS, 100)).toBe(2);
    const dues = await Promise.all(targets.map((target) => waitingFor(store, target)));
    expect(dues.map(({ dueMs }) => dueMs <= ENDED_MS)).toEqual([true, true, false]);
    expect(await store.makeAllDue(ENDED_MS)).toBe(1);
    expect((await claimed(store, { nowMs: ENDED_MS })).length).toBe(3);
  });

  test('what waits for a topic is due when topics are woken, or another edition takes up the work', async () => {
    const store = await open();
    await store.takeUp('edition 1', NOW_MS);
    const refuse = async (nowMs: number): Promise<void> => {
      const push = await claimedOne(store, { nowMs });
      await settle(store, [attempt(push, WRONG_TOPIC)], { ...SETTLE_CONTEXT, nowMs });
    };
    await withWaiting(store, 1);
    await refuse(NOW_MS);
    expect(await store.wakeTopics(NOW_MS + 1)).toBe(1);
    await refuse(NOW_MS + 2);
    expect(await store.takeUp('edition 1', NOW_MS + 3)).toBe(0);
    expect(await store.takeUp('edition 2', NOW_MS + 3)).toBe(1);
  });

  test('a push too old is given up, the oldest first, and none that is being sent', async () => {
    const store = await open();
    for (const [n, nowMs] of [NOW_MS - 3, NOW_MS - 2, NOW_MS - 1].entries())
      await withWaiting(store, n, nowMs);
    await claimedOne(store, { nowMs: NOW_MS - 3 });
    const terms = { eventBeforeMs: NOW_MS - 2, nowMs: NOW_MS, limit: 10 };
    expect(await store.giveUp(terms)).toMatchObject([{ user: 'user1', reason: 'never tried' }]);
    expect(await store.giveUp(terms)).toEqual([]);
    expect(await store.countRows()).toEqual({ targets: 3, waiting: 2 });
  });

  test('leases are given back, those not sent without their attempt', async () => {
    const store = await open();
    const target = await withWaiting(store, 1);
    await claimedOne(store, { owner: 'one' });
    expect(await store.releaseLeases(['nobody', 'one'])).toBe(1);
    expect(await waitingFor(store, target)).toMatchObject({ attempts: 1, leaseOwner: null });
    await claimedOne(store, { owner: 'two' });
    expect(await store.releaseUnsent('two')).toBe(1);
    expect(await waitingFor(store, target)).toMatchObject({ attempts: 1, leaseOwner: null });
  });

  test('a row that a clock ahead has written is set right', async () => {
    const store = await open();
    const target = await withWaiting(store, 1, NOW_MS + 86_400_000);
    expect(await claimed(store)).toEqual([]);
    const terms = { nowMs: NOW_MS, afterTargetId: 0, limit: 2 };
    expect(await store.setRight(terms)).toEqual({ rows: 1, last: undefined });
    expect(await waitingFor(store, target)).toMatchObject({ dueMs: NOW_MS, eventMs: NOW_MS });
    expect(await store.setRight(terms)).toEqual({ rows: 0, last: undefined });
  });

  test('rows are set right in short looks, each after the one before', async () => {
    const store = await open();
    const ids = [];
    for (const n of [1, 2, 3]) ids.push((await withWaiting(store, n, NOW_MS + 86_400_000)).id);
    const terms = { nowMs: NOW_MS, afterTargetId: 0, limit: 2 };
    expect(await store.setRight(terms)).toEqual({ rows: 2, last: ids[1] });
    expect(await store.countDue()).toEqual({ rows: 3, nextMs: NOW_MS });
    expect((await claimed(store)).map(({ targetId }) => targetId)).toEqual(ids.slice(0, 2));
    expect(await store.setRight({ ...terms, afterTargetId: ids[1]! })).toEqual({ rows: 1, last: undefined });
    expect((await claimed(store)).map(({ targetId }) => targetId)).toEqual(ids.slice(2));
  });

  test('what the clock said is kept, and a clock that was ahead is told once in a while', async () => {
    const store = await open();
    expect(await store.clockSeen()).toEqual({ seenMs: null, doubtedMs: null });
    await store.noteClock(NOW_MS, true);
    await store.noteClock(NOW_MS + 1, false);
    expect(await store.clockSeen()).toEqual({ seenMs: NOW_MS + 1, doubtedMs: NOW_MS });
    expect(await store.mayTellClock(NOW_MS, 1000)).toBe(false);
    await withPhone(store, 1, { nowMs: NOW_MS + 86_400_000 });
    const asked = [0, 999, 1000].map((afterMs) => () => store.mayTellClock(NOW_MS + afterMs, 1000));
    const told: boolean[] = [];
    for (const ask of asked) told.push(await ask());
    expect(told).toEqual([true, false, true]);
  });

  test('one caller in a while may warn of a credential', async () => {
    const store = await open();
    const credential = { fingerprint: 'one', server: 'https://api.push.apple.com' };
    expect(await store.mayWarn(credential, NOW_MS, 1000)).toBe(true);
    expect(await store.mayWarn(credential, NOW_MS + 999, 1000)).toBe(false);
    expect(await store.mayWarn({ ...credential, fingerprint: 'two' }, NOW_MS, 1000)).toBe(true);
    expect(await store.mayWarn(credential, NOW_MS + 1000, 1000)).toBe(true);
  });

  test('a provider token is made once and kept while it will do', async () => {
    const store = await open();
    expect(await store.providerToken('key')).toBeUndefined();
    const first = { jwt: 'first', issuedMs: NOW_MS };
    const second = { jwt: 'second', issuedMs: NOW_MS + 1 };
    expect(await store.replaceProviderToken('key', { keep: () => true, issue: () => first })).toEqual(first);
    expect(await store.replaceProviderToken('key', { keep: () => true, issue: () => second })).toEqual(first);
    expect(await store.replaceProviderToken('key', { keep: () => false, issue: () => second })).toEqual(
      second,
    );
    expect(await store.providerToken('key')).toEqual(second);
  });
}
