import { expect, test, vi } from 'vitest';
import type { CourierOptions } from '../../src/delivery/courier.ts';
import { GivingUp, MAX_NAMED } from '../../src/delivery/giving-up.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { TURN_MS } from '../../src/process/turns.ts';
import { tokenNumber } from '../support/events.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { enqueued, NOW_MS, registered, rowsOf, testStore } from '../support/store.ts';

const DAY_MS = 86_400_000;
const PUSHES = MAX_NAMED + 60;

async function setting(): Promise<{
  options: CourierOptions;
  clock: TestClock;
  log: ReturnType<typeof recordedLog>;
  counts: { dropped: number; named: number; most: number };
  left: () => Promise<unknown>;
}> {
  const store = testStore();
  for (let n = 0; n < PUSHES; n += 1)
    await registered(store, { deviceToken: tokenNumber(n) }, { maxPerUser: PUSHES });
  await enqueued(store);
  const log = recordedLog();
  const clock = createTestClock(NOW_MS + DAY_MS);
  const counts = { dropped: 0, named: 0, most: 0 };
  const options = {
    store,
    log,
    clock,
    giveUpMs: DAY_MS,
    onGivenUp: (dropped: readonly unknown[], named: readonly unknown[]) => {
      counts.dropped += dropped.length;
      counts.named += named.length;
      counts.most = Math.max(counts.most, dropped.length);
    },
  } as unknown as CourierOptions;
  const left = async (): Promise<unknown> =>
    (await rowsOf(store, 'SELECT count(*) AS n FROM outbox'))[0]?.['n'];
  return { options, clock, log, counts, left };
}

test('a backlog goes a turn at a time, the first are named and the rest is one line', async () => {
  const { options, clock, log, counts, left } = await setting();
  const givingUp = new GivingUp(options);
  const beforeMs = NOW_MS;
  expect(await givingUp.turn()).toEqual({ beforeMs, restMs: TURN_MS });
  const { dropped } = counts;
  expect(dropped).toBeGreaterThan(0);
  expect(await left()).toBe(PUSHES - dropped);
  clock.advance(TURN_MS - 1);
  expect(await givingUp.turn()).toEqual({ beforeMs, restMs: 1 });
  expect(counts.dropped).toBe(dropped); // meanwhile the database is left to others
  do clock.advance(TURN_MS);
  while ((await givingUp.turn()) !== undefined);
  expect(await left()).toBe(0);
  expect(counts).toMatchObject({ dropped: PUSHES, named: MAX_NAMED });
  expect(counts.most).toBeLessThan(PUSHES);
  const messages = log.messages('error');
  expect(messages.filter((message) => message === 'gave the push up')).toHaveLength(MAX_NAMED);
  expect(log.entries.at(-1)).toMatchObject({
    message: 'gave many pushes up: they were older than delivery.give_up',
    fields: { pushes: PUSHES },
  });
  expect(messages).toHaveLength(MAX_NAMED + 1);
});

test('it looks again after a minute, and goes on after trouble where it was', async () => {
  const { options, clock, left } = await setting();
  const giveUp = vi.spyOn(options.store, 'giveUp').mockRejectedValueOnce(new Error('locked'));
  const givingUp = new GivingUp(options);
  await expect(givingUp.turn()).rejects.toThrow('locked');
  do clock.advance(TURN_MS);
  while ((await givingUp.turn()) !== undefined);
  expect(await left()).toBe(0);
  const looks = giveUp.mock.calls.length;
  clock.advance(50_000);
  expect(await givingUp.turn()).toBeUndefined();
  expect(giveUp).toHaveBeenCalledTimes(looks);
  clock.advance(10_000);
  expect(await givingUp.turn()).toBeUndefined();
  expect(giveUp).toHaveBeenCalledTimes(looks + 1);
});
