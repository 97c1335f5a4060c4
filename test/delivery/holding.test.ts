import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import type { ChangeName } from '../../src/events/mail-event.ts';
import { Courier } from '../../src/delivery/courier.ts';
import { createLine } from '../../src/delivery/line.ts';
import { Route } from '../../src/delivery/route.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { DELIVERED, scriptedConnection } from '../support/scripted-connection.ts';
import { newTarget, NOW_MS, registered, testStore } from '../support/store.ts';

const TIMING = { throttleMs: 5000, housekeepingDelayMs: 30_000 };
const DAY_MS = 86_400_000;

let store: Store;
let clock: TestClock;
let courier: Courier;
/** When pushes went out, in milliseconds from the beginning. */
let sentMs: number[];

beforeEach(async () => {
  store = testStore();
  clock = createTestClock(NOW_MS);
  sentMs = [];
  const connection = scriptedConnection(() => {
    sentMs.push(clock.nowMs() - NOW_MS);
    return DELIVERED;
  });
  const { topic } = newTarget();
  const routes = [
    new Route(
      { topic, topics: [topic], fingerprint: 'f' },
      createLine(() => Promise.resolve(connection)),
    ),
  ];
  courier = new Courier({
    store,
    routes: () => routes,
    owner: 'serve',
    server: 'https://api.push.apple.com',
    expiryMs: DAY_MS,
    giveUpMs: DAY_MS,
    throttleMs: TIMING.throttleMs,
    disableAfterMs: 259_200_000,
    clock,
    random: () => 0.5,
    log: recordedLog(),
  });
  await registered(store);
  await store.announceServe({ owner: 'serve', sinceMs: NOW_MS, nowMs: NOW_MS, outdated: undefined });
});
afterEach(() => store.close());

async function happens(event: ChangeName): Promise<void> {
  const mailboxes = [{ owner: 'alice', path: 'INBOX' }];
  await store.enqueue({
    event,
    mailboxes,
    nowMs: clock.nowMs(),
    newApnsId: () => crypto.randomUUID(),
    timing: TIMING,
  });
  await courier.drain();
}

/** Lets time pass as `serve` does: it sleeps until the next push is due. */
async function pass(ms: number): Promise<void> {
  const untilMs = clock.nowMs() + ms;
  for (;;) {
    const { nextMs } = await store.countDue();
    if (nextMs === undefined || nextMs > untilMs) break;
    clock.advance(Math.max(0, nextMs - clock.nowMs()));
    await courier.drain();
  }
  clock.advance(untilMs - clock.nowMs());
}

describe('where serve runs', () => {
  test('a burst becomes the first push at once and one more at the end of the window', async () => {
    for (let n = 0; n < 10; n += 1) {
      await happens('MessageNew');
      await pass(100);
    }
    await pass(60_000);
    expect(sentMs).toEqual([0, 5000]);
  });

  test('a steady stream becomes one push a window', async () => {
    for (let n = 0; n < 20; n += 1) {
      await happens('MessageNew');
      await pass(1000);
    }
    expect(sentMs).toEqual([0, 5000, 10_000, 15_000, 20_000]);
  });

  test('housekeeping waits, and a stream of it does not wait for ever', async () => {
    for (let n = 0; n < 40; n += 1) {
      await happens('MessageRead');
      await pass(1000);
    }
    expect(sentMs).toEqual([30_000]);
  });

  test('housekeeping rides along when new mail comes first', async () => {
    await happens('FlagsClear');
    await pass(1000);
    await happens('MessageNew');
    await pass(60_000);
    expect(sentMs).toEqual([1000]);
  });
});

test('without serve every event is told at once', async () => {
  await store.withdrawServe('serve');
  await happens('MessageRead');
  await pass(100);
  await happens('MessageNew');
  expect(sentMs).toEqual([0, 100]);
});
