import { expect, test } from 'vitest';
import { createClockWatch } from '../../src/delivery/clock-watch.ts';
import { FIRST_ROWS, setAllRight } from '../../src/delivery/setting-right.ts';
import { TURN_MS } from '../../src/process/turns.ts';
import { createSleeplessClock, createTestClock } from '../support/clock.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { NOW_MS, rowsOf, testStore, type TestStore } from '../support/store.ts';

const ROWS = 2 * FIRST_ROWS + 10;
const AHEAD_MS = 86_400_000;

/** A push for each of many devices, written down by a clock that was a day ahead. */
async function withBacklog(): Promise<TestStore> {
  const store = testStore();
  await store.write((sql) => {
    sql(
      `INSERT INTO targets (id, user, device_token, account_id, subtopic, aps_version, topic, source, registered_ms, renewed_ms)
       WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
       SELECT n, 'user' || n, 'aa', 'account', 'mail', 2, '', 'cyrus', 0, 0 FROM numbers`,
    ).run(ROWS);
    sql(
      `INSERT INTO outbox (target_id, apns_id, generation, event, enqueued_ms, event_ms, due_ms)
       SELECT id, 'id', 1, 'MessageNew', @ms, @ms, @ms FROM targets`,
    ).run({ ms: NOW_MS + AHEAD_MS });
  });
  return store;
}

async function due(store: TestStore): Promise<unknown> {
  return (await rowsOf(store, 'SELECT count(*) AS n FROM outbox WHERE due_ms <= ?', NOW_MS))[0]?.['n'];
}

test('a backlog is set right a turn at a time, and the database left to others between them', async () => {
  const store = await withBacklog();
  const clock = createTestClock(NOW_MS);
  const watch = createClockWatch({ store, clock, log: recordedLog() });
  expect(await watch.setRight()).toBeUndefined(); // nothing is known before a look
  await watch.look();
  expect(await watch.setRight()).toBe(TURN_MS);
  expect(await due(store)).toBe(FIRST_ROWS);
  expect(await watch.setRight()).toBe(TURN_MS);
  expect(await due(store)).toBe(FIRST_ROWS);
  do clock.advance(TURN_MS);
  while ((await watch.setRight()) !== undefined);
  expect(await due(store)).toBe(ROWS);
});

test('flush has all of it set right', async () => {
  const store = await withBacklog();
  await setAllRight(store, createSleeplessClock(NOW_MS));
  expect(await due(store)).toBe(ROWS);
});
