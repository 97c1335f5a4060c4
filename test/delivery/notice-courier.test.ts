import { describe, expect, test } from 'vitest';
import { NoticeCourier, type NoticeCourierOptions } from '../../src/delivery/notice-courier.ts';
import { type EndedNotice, NOTICE_TIMEOUT_MS } from '../../src/delivery/notice-sending.ts';
import { FAILURES_TO_REST, LANE_WIDTH, REST_MS } from '../../src/delivery/lanes.ts';
import { BACKOFF_S } from '../../src/outbox/backoff.ts';
import { LEASE_MS } from '../../src/outbox/timing.ts';
import type { ServiceOutcome } from '../../src/services/service.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { eventually } from '../support/command.ts';
import {
  type FakeService,
  fakeService,
  GIVE_UP_MS,
  newMail,
  newNoticeId,
  THROTTLE_MS,
  withEndpoint,
} from '../support/notices.ts';
import { NOW_MS, testStore, type TestStore } from '../support/store.ts';

interface Setting {
  store: TestStore;
  clock: TestClock;
  courier: NoticeCourier;
  ended: EndedNotice[];
}

function setting(services: readonly FakeService[], changes: Partial<NoticeCourierOptions> = {}): Setting {
  const store = changes.store === undefined ? testStore() : (changes.store as TestStore);
  const clock = createTestClock(NOW_MS);
  const ended: EndedNotice[] = [];
  const courier = new NoticeCourier({
    ...{ store, clock, owner: 'one', throttleMs: THROTTLE_MS, random: () => 0.5, newId: newNoticeId },
    services: new Map(services.map((service) => [service.name, service])),
    giveUpMs: { deltachat: GIVE_UP_MS, webpush: GIVE_UP_MS, webhook: GIVE_UP_MS },
    onSettled: (each) => ended.push(each),
    ...changes,
  });
  return { store, clock, courier, ended };
}

const AGAIN: ServiceOutcome = { kind: 'retry', reason: 'the service answers 503' };
const NEVER = new Promise<ServiceOutcome>(() => undefined);

describe('a notice', () => {
  test('goes at once, what comes within the window goes at its end as one, and each is a success', async () => {
    const service = fakeService('webpush');
    const { store, clock, courier, ended } = setting([service]);
    await withEndpoint(store, 1);
    await store.enqueueNotices(newMail());
    await courier.drain();
    expect(service.sent).toHaveLength(1);
    for (const afterMs of [1000, 2000, 3000]) {
      clock.advance(1000);
      const notice = { event: 'MessageAppend', mailbox: 'INBOX', eventMs: NOW_MS + afterMs } as const;
      await store.enqueueNotices(newMail({ nowMs: clock.nowMs(), notice }));
      await courier.drain();
    }
    expect(service.sent).toHaveLength(1);
    expect(await store.nextNoticeDueMs()).toBe(NOW_MS + THROTTLE_MS);
    clock.advance(THROTTLE_MS - 3000);
    await courier.drain();
    expect(service.sent.map(({ notice }) => [notice.event, notice.eventMs])).toEqual([
      ['MessageNew', NOW_MS],
      ['MessageAppend', NOW_MS + 3000],
    ]);
    expect(ended.map(({ outcome }) => outcome.kind)).toEqual(['delivered', 'delivered']);
    expect(await store.countNotices()).toEqual({ notices: 0, oldestMs: undefined });
    expect(await store.listEndpoints({}, { afterId: 0, limit: 9 })).toMatchObject([
      { lastSuccessMs: NOW_MS + THROTTLE_MS, failures: 0 },
    ]);
  });

  test('that comes while one is sent is a notice of its own, a window later', async () => {
    let answer: (outcome: ServiceOutcome) => void = () => undefined;
    const service = fakeService('webpush', () => new Promise((resolve) => (answer = resolve)));
    const { store, clock, courier } = setting([service]);
    await withEndpoint(store, 1);
    await store.enqueueNotices(newMail());
    const draining = courier.drain();
    await eventually(
      () => service.sent.length,
      (sent) => sent === 1,
    );
    await store.enqueueNotices(newMail());
    answer({ kind: 'delivered' });
    await draining;
    expect(await store.nextNoticeDueMs()).toBe(NOW_MS + THROTTLE_MS);
    clock.advance(THROTTLE_MS);
    const again = courier.drain();
    await eventually(
      () => service.sent.length,
      (sent) => sent === 2,
    );
    answer({ kind: 'delivered' });
    await again;
    expect(new Set(service.sent.map(({ notice }) => notice.id)).size).toBe(2);
  });

  test('that nobody takes comes again later and later under the same id, and is given up for its age', async () => {
    const service = fakeService('webpush', () => AGAIN);
    const { store, clock, courier, ended } = setting([service]);
    await withEndpoint(store, 1);
    await store.enqueueNotices(newMail());
    await courier.drain();
    const waits: number[] = [];
    for (let nextMs; (nextMs = await store.nextNoticeDueMs()) !== undefined;) {
      waits.push((nextMs - clock.nowMs()) / 1000);
      courier.nudge('retry'); // this endpoint alone is at fault
      clock.advance(nextMs - clock.nowMs());
      await courier.drain();
    }
    expect(waits).toEqual(BACKOFF_S.slice(0, waits.length));
    expect(new Set(service.sent.map(({ notice }) => notice.id)).size).toBe(1);
    expect(ended.at(-1)?.settlement).toMatchObject({ row: 'finished', gaveUp: true });
    expect(await store.listEndpoints({}, { afterId: 0, limit: 9 })).toMatchObject([
      { failures: ended.length, lastError: 'the service answers 503' },
    ]);
  });

  test('that has become too old while nobody delivered is not sent', async () => {
    const service = fakeService('webpush');
    const { store, clock, courier, ended } = setting([service]);
    await withEndpoint(store, 1);
    await store.enqueueNotices(newMail());
    clock.advance(GIVE_UP_MS);
    await courier.drain();
    expect(service.sent).toEqual([]);
    expect(ended).toMatchObject([{ settlement: { gaveUp: true }, isHeld: true }]);
    expect((await store.countNotices()).notices).toBe(0);
  });

  test('removes an endpoint that is gone, and costs one that refuses it nothing but the notice', async () => {
    const kinds: ServiceOutcome[] = [
      { kind: 'gone', reason: 'the service answers 410' },
      { kind: 'rejected', reason: 'the service answers 400' },
    ];
    const service = fakeService('webpush', (_sent, times) => kinds[times - 1]!);
    const { store, courier } = setting([service]);
    await withEndpoint(store, 1);
    await withEndpoint(store, 2);
    await store.enqueueNotices(newMail());
    await courier.drain();
    expect(await store.listEndpoints({}, { afterId: 0, limit: 9 })).toMatchObject([
      { fingerprint: expect.stringMatching(/^00000002/) as string, lastError: 'the service answers 400' },
    ]);
    expect((await store.countNotices()).notices).toBe(0);
  });

  test('for a service that is switched off waits and is not sent, until it is given up', async () => {
    const service = fakeService('webpush');
    const { store, clock, courier } = setting([service]);
    await withEndpoint(store, 1, { service: 'deltachat', address: 'openpgp:secret' });
    await store.enqueueNotices(newMail());
    await courier.drain();
    expect((await store.countNotices()).notices).toBe(1);
    clock.advance(GIVE_UP_MS);
    await courier.drain();
    expect((await store.countNotices()).notices).toBe(0);
    expect(service.sent).toEqual([]);
  });
});

describe('a server', () => {
  test('that hangs holds up neither another one nor another service, and is not asked by all at once', async () => {
    const isSlow = (address: string): boolean => address.includes('slow');
    const webpush = fakeService('webpush', ({ endpoint: { address } }) =>
      isSlow(address) ? NEVER : { kind: 'delivered' },
    );
    const webhook = fakeService('webhook');
    const { store, courier } = setting([webpush, webhook]);
    for (let n = 1; n <= 2 * LANE_WIDTH; n += 1) await withEndpoint(store, n, { host: 'slow.example.org' });
    await withEndpoint(store, 100);
    await withEndpoint(store, 101, { service: 'webhook', address: 'https://hooks.example.org/' });
    await store.enqueueNotices(newMail());
    void courier.drain();
    await eventually(
      () => webpush.sent.filter(({ endpoint }) => !isSlow(endpoint.address)).length + webhook.sent.length,
      (sent) => sent === 2,
    );
    expect(webpush.sent.filter(({ endpoint }) => isSlow(endpoint.address))).toHaveLength(LANE_WIDTH);
  });

  test('that fails several times in a row is asked by one alone after a rest', async () => {
    let mood: ServiceOutcome = AGAIN;
    const service = fakeService('webpush', () => mood);
    const { store, clock, courier, ended } = setting([service]);
    const endpoints = 3 * LANE_WIDTH;
    for (let n = 1; n <= endpoints; n += 1) await withEndpoint(store, n);
    await store.enqueueNotices(newMail());
    await courier.drain();
    const asked = service.sent.length;
    expect(asked).toBeGreaterThanOrEqual(FAILURES_TO_REST);
    expect(asked).toBeLessThanOrEqual(2 * LANE_WIDTH);
    expect(ended.filter(({ isHeld }) => isHeld)).toHaveLength(endpoints - asked);
    clock.advance(REST_MS - 1000);
    await courier.drain();
    expect(service.sent).toHaveLength(asked);
    clock.advance(1000);
    await courier.drain();
    expect(service.sent).toHaveLength(asked + 1);
    mood = { kind: 'delivered' };
    for (let nextMs; (nextMs = await store.nextNoticeDueMs()) !== undefined;) {
      clock.advance(Math.max(nextMs - clock.nowMs(), REST_MS));
      await courier.drain();
    }
    expect(ended.filter(({ outcome }) => outcome.kind === 'delivered')).toHaveLength(endpoints);
  });
});

describe('a lease', () => {
  test('that would not outlast the answer is left to whoever leases it next', async () => {
    const answers: (() => void)[] = [];
    const service = fakeService(
      'webpush',
      () => new Promise((resolve) => answers.push(() => resolve({ kind: 'delivered' }))),
    );
    const { store, clock, courier } = setting([service]);
    for (let n = 1; n <= LANE_WIDTH + 1; n += 1) await withEndpoint(store, n);
    await store.enqueueNotices(newMail());
    const draining = courier.drain();
    await eventually(
      () => answers.length,
      (count) => count === LANE_WIDTH,
    );
    clock.advance(LEASE_MS - NOTICE_TIMEOUT_MS + 1);
    for (const answer of answers.splice(0)) answer();
    await draining;
    expect(service.sent).toHaveLength(LANE_WIDTH);
    clock.advance(NOTICE_TIMEOUT_MS);
    const again = courier.drain();
    await eventually(
      () => answers.length,
      (count) => count === 1,
    );
    answers[0]?.();
    await again;
    expect((await store.countNotices()).notices).toBe(0);
  });

  test('of what was not sent is given back at the end, which waits for answers', async () => {
    const answers: (() => void)[] = [];
    const service = fakeService(
      'webpush',
      () => new Promise((resolve) => answers.push(() => resolve({ kind: 'delivered' }))),
    );
    const { store, courier } = setting([service]);
    for (let n = 1; n <= LANE_WIDTH + 5; n += 1) await withEndpoint(store, n);
    await store.enqueueNotices(newMail());
    const ending = new AbortController();
    const draining = courier.drain(Infinity, ending.signal);
    await eventually(
      () => answers.length,
      (count) => count === LANE_WIDTH,
    );
    ending.abort();
    courier.nudge();
    for (const answer of answers) answer();
    await draining;
    expect(service.sent).toHaveLength(LANE_WIDTH);
    expect(await store.noticeOwners()).toEqual([]);
    expect((await store.countNotices()).notices).toBe(5);
  });
});

test('what cannot be written down is kept, and written the next time', async () => {
  const service = fakeService('webpush');
  const store = testStore();
  let isAway = false;
  const take: TestStore['takeNotices'] = (turn) =>
    isAway ? Promise.reject(new Error('disk full')) : store.takeNotices(turn);
  const { courier } = setting([service], { store: { ...store, takeNotices: take } });
  await withEndpoint(store, 1);
  await store.enqueueNotices(newMail());
  service.send = () => {
    isAway = true;
    return Promise.resolve({ kind: 'delivered' });
  };
  await expect(courier.drain()).rejects.toThrow('disk full');
  isAway = false;
  await courier.drain();
  expect((await store.countNotices()).notices).toBe(0);
});
