import { describe, expect, test } from 'vitest';
import { type Answer, NoAnswer, type Push } from '../../src/apns/push.ts';
import type { Store } from '../../src/store/store.ts';
import { Courier } from '../../src/delivery/courier.ts';
import { createLine } from '../../src/delivery/line.ts';
import { Route } from '../../src/delivery/route.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { tokenNumber } from '../support/events.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { DELIVERED, scriptedConnection } from '../support/scripted-connection.ts';
import { enqueued, newTarget, NOW_MS, registered, rowsOf, testStore } from '../support/store.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const TOPIC = newTarget().topic;

interface Setting {
  store: Store;
  clock: TestClock;
  received: Push[];
  /** Sends whenever something is due, as `serve` does, until that time. */
  deliverUntil: (ms: number) => Promise<void>;
}

/** So many devices; `answer` says how Apple, or the way to it, answers at that time. */
async function setting(devices: number, answer: (push: Push, nowMs: number) => Answer): Promise<Setting> {
  const store = testStore();
  const clock = createTestClock(NOW_MS);
  for (let n = 0; n < devices; n += 1)
    await registered(store, { user: `user${n}`, deviceToken: tokenNumber(n), subscriptions: [inboxOf(n)] });
  const connection = scriptedConnection((push) => answer(push, clock.nowMs()));
  const line = createLine(() => {
    if (answer(NOBODYS, clock.nowMs()) === UNREACHABLE)
      throw new NoAnswer('connection refused', { perhapsProcessed: false });
    return Promise.resolve(connection);
  });
  const routes = [new Route({ topic: TOPIC, topics: [TOPIC], fingerprint: 'fingerprint' }, line)];
  const courier = new Courier({
    store,
    routes: () => routes,
    owner: 'courier',
    server: 'https://api.push.apple.com',
    expiryMs: 24 * HOUR_MS,
    giveUpMs: 24 * HOUR_MS,
    throttleMs: 0,
    disableAfterMs: 72 * HOUR_MS,
    clock,
    random: () => 0.5,
    log: recordedLog(),
  });
  const deliverUntil = async (ms: number): Promise<void> => {
    while (clock.nowMs() < ms) {
      await courier.drain();
      const dueInMs = ((await store.nextDueMs()) ?? Infinity) - clock.nowMs();
      clock.advance(Math.min(Math.max(1, dueInMs, courier.restMs), 30_000, ms - clock.nowMs()));
    }
  };
  return { store, clock, received: connection.received, deliverUntil };
}

function inboxOf(n: number): { owner: string; path: string; name: string; hash: undefined } {
  return { owner: `user${n}`, path: 'INBOX', name: 'INBOX', hash: undefined };
}

const UNREACHABLE: Answer = { status: 0 };
const NOBODYS = { deviceToken: '' } as Push;

async function waiting(store: Store): Promise<number> {
  return (await rowsOf(store, 'SELECT * FROM outbox')).length;
}

describe('an outage of six hours', () => {
  test.each<[string, Answer]>([
    ['no connection', UNREACHABLE],
    ['500', { status: 500, reason: 'InternalServerError' }],
    ['503', { status: 503, reason: 'ServiceUnavailable' }],
    ['429 without a word about the device', { status: 429 }],
  ])(
    'with %s: every push is told within two minutes after it, without a further event',
    async (_what, answer) => {
      const backMs = NOW_MS + 6 * HOUR_MS;
      const { store, received, deliverUntil } = await setting(40, (_push, nowMs) =>
        nowMs < backMs ? answer : DELIVERED,
      );
      for (let n = 0; n < 40; n += 1) {
        await enqueued(store, { nowMs: NOW_MS + n * MINUTE_MS, mailboxes: [inboxOf(n)] });
        await deliverUntil(NOW_MS + (n + 1) * MINUTE_MS);
      }
      await deliverUntil(backMs);
      expect(await waiting(store)).toBe(40);
      const asked = received.length;
      await deliverUntil(backMs + 2 * MINUTE_MS);
      expect(await waiting(store)).toBe(0);
      expect(received.length - asked).toBe(40);
    },
  );

  test('asks Apple once a minute or two beside the growing intervals', async () => {
    const { store, received, deliverUntil } = await setting(1, () => ({ status: 503 }));
    await enqueued(store, { mailboxes: [inboxOf(0)] });
    await deliverUntil(NOW_MS + HOUR_MS);
    expect(received.length).toBeGreaterThan(30);
    expect(received.length).toBeLessThan(70);
  });
});

test('a push that fails although others get through is not tried at each success', async () => {
  const failing = tokenNumber(0);
  const { store, received, deliverUntil } = await setting(2, ({ deviceToken }) =>
    deviceToken === failing ? { status: 500 } : DELIVERED,
  );
  await enqueued(store, { mailboxes: [inboxOf(0)] });
  for (let n = 1; n <= 360; n += 1) {
    await enqueued(store, { nowMs: NOW_MS + n * 10_000, mailboxes: [inboxOf(1)] });
    await deliverUntil(NOW_MS + n * 10_000);
  }
  const tries = received.filter(({ deviceToken }) => deviceToken === failing).length;
  expect(tries).toBeGreaterThan(5);
  expect(tries).toBeLessThan(80);
});

test('after a time with some successes and many failures nothing waits for longer than five minutes', async () => {
  const backMs = NOW_MS + HOUR_MS;
  let asked = 0;
  const { store, deliverUntil } = await setting(60, ({ deviceToken }, nowMs) => {
    asked += 1;
    return nowMs < backMs && deviceToken !== tokenNumber(0) && asked % 10 !== 0 ? { status: 503 } : DELIVERED;
  });
  for (let n = 1; n < 60; n += 1) await enqueued(store, { mailboxes: [inboxOf(n)] });
  for (let atMs = NOW_MS; atMs < backMs + 6 * MINUTE_MS; atMs += 10_000) {
    await enqueued(store, { nowMs: atMs, mailboxes: [inboxOf(0)] });
    await deliverUntil(atMs + 10_000);
  }
  expect(await waiting(store)).toBe(0);
});
