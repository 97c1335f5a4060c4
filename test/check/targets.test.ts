import { expect, test } from 'vitest';
import { checkTargets, type SomeTargets, judgeTargets } from '../../src/check/targets.ts';
import { tokenNumber } from '../support/events.ts';
import { newTarget, registered, rowsOf, testStore } from '../support/store.ts';

const TOPIC = newTarget().topic;
const NOBODY: SomeTargets = { count: 0, first: [] };

function some(count: number, shown: number): SomeTargets {
  const first = Array.from({ length: shown }, (_, n) => ({
    user: `user${n}`,
    deviceToken: tokenNumber(n),
    lastError: n === 0 ? 'BadDeviceToken' : null,
  }));
  return { count, first };
}

test('nobody has registered: says what to do on the phone', () => {
  const [point, ...others] = judgeTargets({ targets: 0, users: 0, neverTaken: NOBODY, uncovered: NOBODY });
  expect(others).toEqual([]);
  expect(point).toMatchObject({ state: 'warning', text: 'no device is registered' });
});

test('names the first few and counts the rest', () => {
  const points = judgeTargets({
    targets: 1_000_000,
    users: 2,
    neverTaken: some(7, 5),
    uncovered: some(1, 1),
  });
  expect(points.map(({ text }) => text)).toEqual([
    '1000000 devices of 2 users',
    expect.stringMatching(
      /^never a success: user0 \S+, user1 \S+, .*, 2 more; the first says BadDeviceToken$/,
    ),
    expect.stringMatching(/^must register again, since no credential is for their topic: user0 \S+$/),
  ]);
});

test('without a credential no topic is judged', () => {
  const points = judgeTargets({ targets: 1, users: 1, neverTaken: NOBODY, uncovered: undefined });
  expect(points.map(({ state }) => state)).toEqual(['ok', 'ok', 'skipped']);
});

test('asks the database for those that are meant, however many there are', async () => {
  const store = testStore();
  for (let n = 0; n < 8; n += 1)
    await registered(store, { user: `user${n % 4}`, deviceToken: tokenNumber(n), topic: n < 6 ? TOPIC : '' });
  await rowsOf(store, 'UPDATE targets SET last_push_ms = 1 WHERE id <= 7 RETURNING id');
  await rowsOf(store, 'UPDATE targets SET last_success_ms = 1 WHERE id = 1 RETURNING id');
  const covered = await checkTargets(store, [{ topic: TOPIC, topics: [TOPIC] }]);
  expect(covered.map(({ state }) => state)).toEqual(['ok', 'warning', 'ok']);
  expect(covered[0]?.text).toBe('8 devices of 4 users');
  expect(covered[1]?.text).toMatch(/^never a success: (\S+ \S+, ){5}1 more$/);
  const uncovered = await checkTargets(store, [{ topic: 'another', topics: ['another'] }]);
  expect(uncovered[2]?.text).toMatch(/(\S+ \S+, ){5}1 more$/);
});
