import { describe, expect, test } from 'vitest';
import type { NewEndpoint, ServiceName } from '../../../src/services/endpoint.ts';
import type { ServiceOutcome } from '../../../src/services/service.ts';
import { settlementOfNotice } from '../../../src/services/settlement.ts';
import type { ClaimedNotice, NoticeRequest, SettledNotice } from '../../../src/store/endpoints.ts';
import type { Store } from '../../../src/store/store.ts';
import { LEASE_MS, NOW_MS } from '../../support/store.ts';
import type { Open } from './scene.ts';

const THROTTLE_MS = 10_000;
const EVERY_SERVICE: readonly ServiceName[] = ['deltachat', 'webpush', 'webhook'];

function endpoint(n: number, changes: Partial<NewEndpoint> = {}): NewEndpoint {
  const fingerprint = n.toString(16).padStart(64, '0');
  return {
    user: 'alice',
    service: 'webpush',
    address: `address ${n}`,
    fingerprint,
    expiresMs: null,
    ...changes,
  };
}

async function withEndpoint(
  store: Store,
  n: number,
  {
    nowMs = NOW_MS,
    isProven = true,
    ...changes
  }: Partial<NewEndpoint> & { nowMs?: number; isProven?: boolean } = {},
): Promise<number> {
  const { id } = await store.registerEndpoint(endpoint(n, changes), { nowMs, maxPerUser: 10, isProven });
  return id;
}

let made = 0;

function newMail(changes: Partial<NoticeRequest> = {}): NoticeRequest {
  const nowMs = changes.nowMs ?? NOW_MS;
  return {
    ...{ users: ['alice'], services: EVERY_SERVICE, nowMs, throttleMs: THROTTLE_MS },
    notice: { event: 'MessageNew', mailbox: 'INBOX', eventMs: nowMs },
    newId: () => `notice ${(made += 1)}`,
    ...changes,
  };
}

function take(
  store: Store,
  { nowMs = NOW_MS, owner = 'one', settled = [] as SettledNotice[], limit = 10 } = {},
): Promise<ClaimedNotice[]> {
  return store.takeNotices({
    ...{ settled, owner, nowMs, limit, throttleMs: THROTTLE_MS },
    leaseUntilMs: nowMs + LEASE_MS,
    newId: () => `notice ${(made += 1)}`,
  });
}

async function taken(store: Store, at: Parameters<typeof take>[1] = {}): Promise<ClaimedNotice> {
  const claimed = await take(store, at);
  if (claimed[0] === undefined || claimed.length > 1)
    throw new Error(`expected one notice, got ${claimed.length}`);
  return claimed[0];
}

function ended(claimed: ClaimedNotice, outcome: ServiceOutcome, nowMs = NOW_MS): SettledNotice {
  const age = { ...claimed, eventMs: claimed.notice.eventMs };
  const rules = { nowMs, giveUpMs: 3_600_000, random: 0.5 };
  return { claimed, outcome, settlement: settlementOfNotice(age, outcome, rules) };
}

/** What other push services do to any store. */
export function endpointsContract(open: Open): void {
  test('an endpoint is renewed by its fingerprint, and the least recently renewed of a service goes', async () => {
    const store = await open();
    const terms = { maxPerUser: 2, isProven: false };
    const first = await store.registerEndpoint(endpoint(1), { ...terms, nowMs: NOW_MS });
    expect(first).toEqual({ id: first.id, created: true, isProven: false, evicted: 0 });
    await store.registerEndpoint(endpoint(2, { service: 'deltachat' }), { ...terms, nowMs: NOW_MS });
    await store.registerEndpoint(endpoint(2), { ...terms, nowMs: NOW_MS + 1, isProven: true });
    const again = endpoint(1, { address: 'moved', expiresMs: NOW_MS + 1000 });
    expect(await store.registerEndpoint(again, { ...terms, nowMs: NOW_MS + 2, isProven: true })).toEqual({
      ...{ id: first.id, created: false, isProven: true, evicted: 0 },
    });
    expect(await store.registerEndpoint(endpoint(3), { ...terms, nowMs: NOW_MS + 3 })).toMatchObject({
      evicted: 1,
    });
    const left = await store.listEndpoints({ service: 'webpush' }, { afterId: 0, limit: 10 });
    expect(left).toEqual([
      {
        ...again,
        ...{ id: first.id, registeredMs: NOW_MS, renewedMs: NOW_MS + 2, provenMs: NOW_MS + 2 },
        ...{ lastSuccessMs: null, lastError: null, lastErrorMs: null, failures: 0 },
      },
      expect.objectContaining({ address: 'address 3', provenMs: null }),
    ]);
    expect(await store.listEndpoints({}, { afterId: first.id, limit: 1 })).toMatchObject([
      { service: 'deltachat' },
    ]);
    expect(await store.countEndpoints(NOW_MS + 1000)).toEqual({
      deltachat: { endpoints: 1, users: 1, unproven: 1, failing: 0 },
      webpush: { endpoints: 1, users: 1, unproven: 1, failing: 0 }, // the other has run out
      webhook: { endpoints: 0, users: 0, unproven: 0, failing: 0 },
    });
  });

  test('endpoints are removed by what they are, with what waits for them', async () => {
    const store = await open();
    const id = await withEndpoint(store, 1, { expiresMs: NOW_MS + 10 });
    await withEndpoint(store, 2, { user: 'bob', nowMs: NOW_MS + 5 });
    await store.enqueueNotices(newMail({ users: ['alice', 'bob'] }));
    expect(await store.removeEndpoints({ user: 'alice', renewedBeforeMs: NOW_MS })).toEqual([]);
    expect(await store.removeEndpoints({ expiredBeforeMs: NOW_MS + 11 })).toMatchObject([
      { id, user: 'alice' },
    ]);
    expect(await store.countNotices()).toEqual({ notices: 1, oldestMs: NOW_MS });
    const unproven = await withEndpoint(store, 3, { user: 'carol_x', isProven: false });
    const pages = { afterId: 0, limit: 10 };
    expect(await store.listEndpoints({ isUnproven: true }, pages)).toMatchObject([{ id: unproven }]);
    expect(await store.listEndpoints({ userPattern: 'c*_?' }, pages)).toMatchObject([{ id: unproven }]);
    expect(await store.removeEndpoints({ ids: [id, unproven], user: 'bob' })).toEqual([]);
    expect(await store.removeEndpoints({ ids: [id, unproven] })).toHaveLength(1);
    expect(await store.removeEndpoints({ fingerprint: endpoint(2).fingerprint })).toHaveLength(1);
    expect(await store.countNotices()).toEqual({ notices: 0, oldestMs: undefined });
  });

  test('a notice is for each proven endpoint of a wanted service that has not run out', async () => {
    const store = await open();
    const wanted = [await withEndpoint(store, 1), await withEndpoint(store, 2)];
    const unproven = await withEndpoint(store, 3, { isProven: false });
    await withEndpoint(store, 4, { expiresMs: NOW_MS });
    await withEndpoint(store, 5, { user: 'bob' });
    await withEndpoint(store, 6, { service: 'deltachat' });
    const services = ['webpush'] as const;
    expect(await store.enqueueNotices(newMail({ services }))).toEqual({ endpointIds: wanted });
    expect(await store.enqueueNotices(newMail({ users: ['carol'] }))).toEqual({ endpointIds: [] });
    const validation = { event: 'validation', mailbox: 'INBOX', eventMs: NOW_MS } as const;
    const asking = newMail({ isUnproven: true, endpointId: unproven, notice: validation });
    expect(await store.enqueueNotices(asking)).toEqual({ endpointIds: [unproven] });
    const claimed = await take(store);
    expect(claimed.map(({ endpoint: { id }, notice: { event } }) => `${id} ${event}`).sort()).toEqual(
      [...wanted.map((each) => `${each} MessageNew`), `${unproven} validation`].sort(),
    );
    expect(new Set(claimed.map(({ notice }) => notice.id)).size).toBe(3);
  });

  test('the first is due at once, the last when the window is over, and a failed one when it is tried again', async () => {
    const store = await open();
    const id = await withEndpoint(store, 1);
    await store.enqueueNotices(newMail());
    const first = await taken(store);
    expect(first).toMatchObject({
      attempts: 1,
      generation: 1,
      enqueuedMs: NOW_MS,
      notice: { eventMs: NOW_MS },
    });
    expect(await store.noticeOwners()).toEqual(['one']);
    await store.enqueueNotices(newMail({ nowMs: NOW_MS + 100 })); // while it is sent
    await take(store, { nowMs: NOW_MS + 200, settled: [ended(first, { kind: 'delivered' }, NOW_MS + 200)] });
    expect(await store.nextNoticeDueMs()).toBe(NOW_MS + 200 + THROTTLE_MS);
    const nowMs = NOW_MS + 200 + THROTTLE_MS;
    const second = await taken(store, { nowMs });
    expect(second.notice).toEqual({ ...first.notice, id: second.notice.id, eventMs: NOW_MS + 100 });
    expect(second.notice.id).not.toBe(first.notice.id);
    const failure = ended(second, { kind: 'retry', reason: 'no answer' }, nowMs);
    expect(await take(store, { nowMs, settled: [failure] })).toEqual([]);
    expect(await store.listEndpoints({ id }, { afterId: 0, limit: 1 })).toMatchObject([
      { lastSuccessMs: NOW_MS + 200, lastError: 'no answer', lastErrorMs: nowMs, failures: 1 },
    ]);
    const dueMs = await store.nextNoticeDueMs();
    expect(dueMs).toBeGreaterThan(nowMs);
    await store.enqueueNotices(newMail({ nowMs: nowMs + 1 }));
    expect(await store.nextNoticeDueMs()).toBe(dueMs); // no event hurries what has failed
    expect(await store.makeNoticesDue(nowMs + 2)).toBe(1);
    expect(await taken(store, { nowMs: nowMs + 2 })).toMatchObject({
      attempts: 2,
      notice: { id: second.notice.id },
    });
  });

  test('one that comes soon after a success waits until the window is over', async () => {
    const store = await open();
    await withEndpoint(store, 1);
    await store.enqueueNotices(newMail());
    await take(store, { settled: [ended(await taken(store), { kind: 'delivered' })] });
    expect(await store.countNotices()).toEqual({ notices: 0, oldestMs: undefined });
    await store.enqueueNotices(newMail({ nowMs: NOW_MS + 1 }));
    expect(await store.nextNoticeDueMs()).toBe(NOW_MS + THROTTLE_MS);
  });

  describe('an outcome', () => {
    test('of a success proves the endpoint', async () => {
      const store = await open();
      const id = await withEndpoint(store, 1, { isProven: false });
      await store.enqueueNotices(newMail({ isUnproven: true }));
      await take(store, { settled: [ended(await taken(store), { kind: 'delivered' })] });
      expect(await store.enqueueNotices(newMail())).toEqual({ endpointIds: [id] });
    });

    test('of an endpoint that is gone removes it, unless it has come again', async () => {
      const store = await open();
      for (const n of [1, 2]) await withEndpoint(store, n);
      await store.enqueueNotices(newMail());
      const claimed = await take(store);
      await withEndpoint(store, 2, { nowMs: NOW_MS + 1 });
      await take(store, { settled: claimed.map((each) => ended(each, { kind: 'gone', reason: '410' })) });
      expect(await store.listEndpoints({}, { afterId: 0, limit: 10 })).toMatchObject([
        { address: 'address 2' },
      ]);
      expect((await store.countNotices()).notices).toBe(0);
    });
  });

  test('what a dead process has leased is taken over, and then settled by nobody else', async () => {
    const store = await open();
    await withEndpoint(store, 1);
    await store.enqueueNotices(newMail());
    const lost = await taken(store, { owner: 'dead' });
    expect(await take(store, { nowMs: NOW_MS + 1 })).toEqual([]);
    expect(await store.nextNoticeDueMs()).toBe(NOW_MS + LEASE_MS);
    expect(await store.releaseNotices(['dead'])).toBe(1);
    const again = await taken(store, { nowMs: NOW_MS + 1 });
    expect(again).toMatchObject({ attempts: 2, notice: { id: lost.notice.id } });
    await take(store, { owner: 'dead', limit: 0, settled: [ended(lost, { kind: 'delivered' })] });
    expect((await store.countNotices()).notices).toBe(1);
    await take(store, { nowMs: NOW_MS + 2 * LEASE_MS, owner: 'two' });
    expect(await store.noticeOwners()).toEqual(['two']);
  });

  test('what waits for an endpoint that has run out meanwhile is dropped', async () => {
    const store = await open();
    await withEndpoint(store, 1, { expiresMs: NOW_MS + 10 });
    await store.enqueueNotices(newMail());
    expect(await take(store, { nowMs: NOW_MS + 10 })).toEqual([]);
    expect((await store.countNotices()).notices).toBe(0);
  });
}
