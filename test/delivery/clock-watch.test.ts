import { describe, expect, test } from 'vitest';
import { NoAnswer } from '../../src/apns/push.ts';
import type { Store } from '../../src/store/store.ts';
import { beginningOf } from '../../src/delivery/clock-watch.ts';
import { Courier } from '../../src/delivery/courier.ts';
import { createLine } from '../../src/delivery/line.ts';
import { Route } from '../../src/delivery/route.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { enqueued, newTarget, NOW_MS, registered, rowsOf, testStore } from '../support/store.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A process that begins to deliver, and cannot reach Apple. */
function process(store: Store, clock: TestClock, log = recordedLog()): Courier {
  const { topic } = newTarget();
  const line = createLine(() => Promise.reject(new NoAnswer('refused', { perhapsProcessed: false })));
  const routes = [new Route({ topic, topics: [topic], fingerprint: 'f' }, line)];
  return new Courier({
    ...{ store, clock, log, owner: 'courier', server: 'https://api.push.apple.com', routes: () => routes },
    ...{ expiryMs: DAY_MS, giveUpMs: DAY_MS, throttleMs: 0, disableAfterMs: 3 * DAY_MS, random: () => 0.5 },
  });
}

async function waiting(store: Store): Promise<number> {
  return (await rowsOf(store, 'SELECT * FROM outbox')).length;
}

/** Whoever delivered before has written a push down with the right clock, and has ended. */
async function withPush(): Promise<Store> {
  const store = testStore();
  await registered(store);
  await enqueued(store);
  await process(store, createTestClock(NOW_MS)).drain();
  return store;
}

/** Delivers each minute. */
async function runs(courier: Courier, clock: TestClock, forMs: number): Promise<void> {
  const endMs = clock.steadyMs() + forMs;
  while (clock.steadyMs() < endMs) {
    await courier.drain();
    clock.advance(MINUTE_MS);
  }
}

describe('a clock that is 30 days ahead when a process starts', () => {
  test('drops nothing that was written before, and nothing is lost when it is set right', async () => {
    const store = await withPush();
    const clock = createTestClock(NOW_MS + 30 * DAY_MS);
    const log = recordedLog();
    const courier = process(store, clock, log);
    await runs(courier, clock, HOUR_MS - MINUTE_MS);
    expect(await waiting(store)).toBe(1);
    expect(log.messages('info').filter((text) => text.includes('much later'))).toHaveLength(1);
    clock.jump(-30 * DAY_MS);
    await runs(courier, clock, 2 * HOUR_MS);
    expect(await waiting(store)).toBe(1);
  });

  test('is no more believed by the processes that follow within the hour, one of them with the clock set right', async () => {
    const store = await withPush();
    for (const minutes of [0, 1, 20, 40, 58]) {
      const clock = createTestClock(NOW_MS + 30 * DAY_MS + minutes * MINUTE_MS);
      await process(store, clock).drain();
      expect(await waiting(store)).toBe(1);
    }
    await process(store, createTestClock(NOW_MS + HOUR_MS)).drain();
    expect(await waiting(store)).toBe(1);
  });

  test('is believed after an hour: then what is old is given up', async () => {
    const store = await withPush();
    const clock = createTestClock(NOW_MS + 30 * DAY_MS);
    await runs(process(store, clock), clock, HOUR_MS + 2 * MINUTE_MS);
    expect(await waiting(store)).toBe(0);
  });
});

test('a clock that was set ahead is no more believed by a process that starts just after', async () => {
  const store = await withPush();
  const clock = createTestClock(NOW_MS);
  const courier = process(store, clock);
  await courier.drain();
  clock.jump(30 * DAY_MS);
  await courier.drain();
  await process(store, createTestClock(clock.nowMs() + MINUTE_MS)).drain();
  expect(await waiting(store)).toBe(1);
});

test('a restart, and a clock that goes on, change nothing: what is old is given up in its time', async () => {
  const store = await withPush();
  const clock = createTestClock(NOW_MS);
  await runs(process(store, clock), clock, DAY_MS - 5 * MINUTE_MS);
  clock.advance(10 * MINUTE_MS);
  expect(await waiting(store)).toBe(1);
  await process(store, createTestClock(clock.nowMs())).drain();
  expect(await waiting(store)).toBe(0);
});

describe('beginningOf', () => {
  test.each<[string, number | null, number | null, number]>([
    ['a database where nobody has delivered', null, null, 0],
    ['a clock that goes on', NOW_MS - 20 * MINUTE_MS, null, 0],
    ['one that is much later', NOW_MS - HOUR_MS, null, HOUR_MS],
    ['one that was doubted a while ago', NOW_MS - MINUTE_MS, NOW_MS - 20 * MINUTE_MS, 40 * MINUTE_MS],
    ['one that was doubted an hour ago', NOW_MS - MINUTE_MS, NOW_MS - HOUR_MS, 0],
    ['one that is set back behind that', NOW_MS + DAY_MS, NOW_MS + DAY_MS, 0],
  ])('%s', (_what, seenMs, doubtedMs, distrustMs) => {
    expect(beginningOf(NOW_MS, seenMs, doubtedMs).distrustMs).toBe(distrustMs);
  });
});
