import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openPostgres } from '../../../src/store/postgres/open.ts';
import type { Store } from '../../../src/store/store.ts';
import { tokenNumber } from '../../support/events.ts';
import { describeWith } from '../../support/needs.ts';
import { type Postgres, startPostgres } from '../../support/postgres.ts';
import { postgresAvailability } from '../../support/postgres-installation.ts';
import { settle, SETTLE_CONTEXT } from '../../support/settling.ts';
import { claimed, claimedOne, NOW_MS } from '../../support/store.ts';
import { attempt, DELIVERED, DEVICE_THROTTLED, phone, waitingFor, withPhone } from '../contract/scene.ts';

const THROTTLE_MS = 10_000;
const HOUSEKEEPING_MS = 120_000;

describeWith('PostgreSQL', postgresAvailability(), 'limits hold for all hosts together', () => {
  let postgres: Postgres;
  let one: Store;
  let two: Store;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    const url = await postgres.database();
    [one, two] = [openPostgres({ url }, { create: true }), openPostgres({ url }, { create: true })];
  });
  afterEach(() => {
    one.close();
    two.close();
  });
  const mail = (
    store: Store,
    nowMs: number,
    event: 'MessageNew' | 'MessageRead' = 'MessageNew',
  ): ReturnType<Store['enqueue']> =>
    store.enqueue({
      ...{ event, mailboxes: [{ owner: 'user1', path: 'INBOX' }], nowMs, newApnsId: () => 'an-id' },
      timing: { throttleMs: THROTTLE_MS, housekeepingDelayMs: HOUSEKEEPING_MS },
    });
  /** A `serve` runs on each: else nobody would be there to send later. */
  const announced = async (nowMs: number): Promise<void> => {
    for (const [store, owner] of [[one, 'a@1'] as const, [two, 'b@2'] as const])
      await store.announceServe({ owner, sinceMs: nowMs, nowMs, outdated: undefined });
  };
  const sentBy = async (store: Store, owner: string, nowMs: number): Promise<number> => {
    const pushes = await claimed(store, { owner, nowMs, throttleMs: THROTTLE_MS });
    await settle(
      store,
      pushes.map((push) => attempt(push, DELIVERED)),
      { ...SETTLE_CONTEXT, owner, nowMs, throttleMs: THROTTLE_MS },
    );
    return pushes.length;
  };

  test('throttle: what one host has sent keeps the next push to that device from the other', async () => {
    await announced(NOW_MS);
    const target = await withPhone(one, 1);
    await mail(one, NOW_MS);
    expect(await sentBy(one, 'a@1', NOW_MS)).toBe(1);
    await mail(two, NOW_MS + 1000);
    expect((await waitingFor(two, target)).dueMs).toBe(NOW_MS + THROTTLE_MS);
    expect(await sentBy(two, 'b@2', NOW_MS + THROTTLE_MS - 1)).toBe(0);
    expect(await sentBy(two, 'b@2', NOW_MS + THROTTLE_MS)).toBe(1);
    expect(await sentBy(one, 'a@1', NOW_MS + THROTTLE_MS)).toBe(0);
  });

  test('throttle: what joins a push that the other host is sending waits as long', async () => {
    await announced(NOW_MS);
    const target = await withPhone(one, 1);
    await mail(one, NOW_MS);
    const push = await claimedOne(one, { owner: 'a@1', throttleMs: THROTTLE_MS });
    await mail(two, NOW_MS + 1);
    expect(await claimed(two, { owner: 'b@2', nowMs: NOW_MS + 2, throttleMs: THROTTLE_MS })).toEqual([]);
    const context = { ...SETTLE_CONTEXT, owner: 'a@1', nowMs: NOW_MS + 3, throttleMs: THROTTLE_MS };
    await settle(one, [attempt(push, DELIVERED)], context);
    expect((await waitingFor(two, target)).dueMs).toBe(NOW_MS + 3 + THROTTLE_MS);
  });

  test('housekeeping: what one host holds back goes at once with new mail that comes to the other', async () => {
    await announced(NOW_MS);
    const target = await withPhone(one, 1);
    await mail(one, NOW_MS, 'MessageRead');
    await mail(two, NOW_MS + 1000, 'MessageRead');
    expect((await waitingFor(two, target)).dueMs).toBe(NOW_MS + HOUSEKEEPING_MS);
    expect(await sentBy(two, 'b@2', NOW_MS + 2000)).toBe(0);
    await mail(two, NOW_MS + 3000);
    expect(await sentBy(one, 'a@1', NOW_MS + 3000)).toBe(1);
    expect(await sentBy(two, 'b@2', NOW_MS + HOUSEKEEPING_MS)).toBe(0);
  });

  test('rates: a device that Apple asks one host to leave alone is left alone by the other', async () => {
    const target = await withPhone(one, 1);
    await mail(one, NOW_MS);
    const context = { ...SETTLE_CONTEXT, owner: 'a@1' };
    await settle(one, [attempt(await claimedOne(one, { owner: 'a@1' }), DEVICE_THROTTLED)], context);
    const { dueMs, heldBy } = await waitingFor(two, target);
    expect(heldBy).toBe('device');
    expect(dueMs).toBeGreaterThanOrEqual(SETTLE_CONTEXT.nowMs + 60_000);
    await mail(two, NOW_MS + 1000); // joins it, and is no sooner
    expect(await claimed(two, { owner: 'b@2', nowMs: dueMs - 1 })).toEqual([]);
    expect(await claimed(two, { owner: 'b@2', nowMs: dueMs })).toHaveLength(1);
  });

  test('max_per_user: devices that register on two hosts at the same time are no more than on one', async () => {
    const register = (store: Store, n: number): Promise<unknown> =>
      store.register(phone(1, { deviceToken: tokenNumber(n) }), { nowMs: NOW_MS + n, maxPerUser: 3 });
    await Promise.all(Array.from({ length: 16 }, (_, n) => register(n % 2 === 0 ? one : two, n)));
    expect(await two.listTargets({ user: 'user1' })).toHaveLength(3);
  });
});
