import { expect, test } from 'vitest';
import type { CourierOptions } from '../../src/delivery/courier.ts';
import { createGivingUp, MAX_NAMED } from '../../src/delivery/giving-up.ts';
import { createSleeplessClock } from '../support/clock.ts';
import { tokenNumber } from '../support/events.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { enqueued, NOW_MS, registered, rowsOf, testStore } from '../support/store.ts';

const DAY_MS = 86_400_000;
const PUSHES = MAX_NAMED + 60;

async function setting(): Promise<{
  options: CourierOptions;
  log: ReturnType<typeof recordedLog>;
  counts: { dropped: number; named: number; most: number };
  left: () => Promise<unknown>;
}> {
  const store = testStore();
  for (let n = 0; n < PUSHES; n += 1)
    await registered(store, { deviceToken: tokenNumber(n) }, { maxPerUser: PUSHES });
  await enqueued(store);
  const log = recordedLog();
  const counts = { dropped: 0, named: 0, most: 0 };
  const options = {
    store,
    log,
    clock: createSleeplessClock(NOW_MS + DAY_MS),
    giveUpMs: DAY_MS,
    onGivenUp: (dropped: readonly unknown[], named: readonly unknown[]) => {
      counts.dropped += dropped.length;
      counts.named += named.length;
      counts.most = Math.max(counts.most, dropped.length);
    },
  } as unknown as CourierOptions;
  const left = async (): Promise<unknown> =>
    (await rowsOf(store, 'SELECT count(*) AS n FROM outbox'))[0]?.['n'];
  return { options, log, counts, left };
}

test('a backlog goes in several turns, the first are named and the rest is one line', async () => {
  const { options, log, counts, left } = await setting();
  await createGivingUp(options)(() => false);
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

test('it ends after the turn in which that is wanted, and goes on the next time', async () => {
  const { options, counts, left } = await setting();
  const giveUpOld = createGivingUp(options);
  await giveUpOld(() => true);
  expect(counts.dropped).toBeGreaterThan(0);
  expect(await left()).toBe(PUSHES - counts.dropped);
  await giveUpOld(() => false);
  expect(await left()).toBe(0);
});
