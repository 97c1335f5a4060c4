import { expect, test } from 'vitest';
import { checkTargets, type SomeTargets, judgeTargets } from '../../src/check/targets.ts';
import { tokenNumber } from '../support/events.ts';
import { newTarget, registered, rowsOf, testStore } from '../support/store.ts';

const TOPIC = newTarget().topic;
const MAIL_ALONE = {
  collections: { calendar: { targets: 0, users: 0 }, contacts: { targets: 0, users: 0 } },
};
const NOBODY: SomeTargets = { count: 0, first: [] };

function some(count: number, shown: number): SomeTargets {
  const first = Array.from({ length: shown }, (_, n) => ({
    user: `user${n}`,
    deviceToken: tokenNumber(n),
    subtopic: n === 1 ? 'calendar' : 'com.apple.mobilemail',
    lastError: n === 0 ? 'BadDeviceToken' : null,
  }));
  return { count, first };
}

test('nobody has registered: says what to do on the phone', () => {
  const [point, ...others] = judgeTargets({
    ...MAIL_ALONE,
    targets: 0,
    users: 0,
    neverTaken: NOBODY,
    uncovered: NOBODY,
  });
  expect(others).toEqual([]);
  expect(point).toMatchObject({ state: 'warning', text: 'no device is registered' });
});

test('names the first few and counts the rest', () => {
  const points = judgeTargets({
    ...MAIL_ALONE,
    targets: 1_000_000,
    users: 2,
    neverTaken: some(7, 5),
    uncovered: some(1, 1),
  });
  expect(points.map(({ text }) => text)).toEqual([
    '1000000 devices of 2 users',
    expect.stringMatching(
      /^never a success: user0 \S+, user1 \S+ \(calendar\), user2 \S+, .*, 2 more; the first says BadDeviceToken$/,
    ),
    expect.stringMatching(/^must register again, since no credential is for their topic: user0 \S+$/),
  ]);
});

test('calendars and address books are told beside the devices of Mail, and without them too', () => {
  const collections = { calendar: { targets: 3, users: 2 }, contacts: { targets: 1, users: 1 } };
  const textOf = (targets: number, users: number): string | undefined =>
    judgeTargets({ targets, users, collections, neverTaken: NOBODY, uncovered: NOBODY })[0]?.text;
  const others = '3 subscriptions to calendars of 2 users, 1 subscription to contacts of 1 user';
  expect(textOf(1, 1)).toBe(`1 device of 1 user, ${others}`);
  expect(textOf(0, 0)).toBe(`0 devices of 0 users, ${others}`);
});

test('without a credential no topic is judged', () => {
  const points = judgeTargets({
    ...MAIL_ALONE,
    targets: 1,
    users: 1,
    neverTaken: NOBODY,
    uncovered: undefined,
  });
  expect(points.map(({ state }) => state)).toEqual(['ok', 'ok', 'skipped']);
});

test('asks the database for those that are meant, however many there are', async () => {
  const store = testStore();
  for (let n = 0; n < 8; n += 1)
    await registered(store, { user: `user${n % 4}`, deviceToken: tokenNumber(n), topic: n < 6 ? TOPIC : '' });
  await rowsOf(store, 'UPDATE targets SET last_push_ms = 1 WHERE id <= 7 RETURNING id');
  await rowsOf(store, 'UPDATE targets SET last_success_ms = 1 WHERE id = 1 RETURNING id');
  const devices = await store.summariseTargets(0, Date.now());
  const covered = await checkTargets(store, devices, [{ topic: TOPIC, topics: [TOPIC] }]);
  expect(covered.map(({ state }) => state)).toEqual(['ok', 'warning', 'ok']);
  expect(covered[0]?.text).toBe('8 devices of 4 users');
  expect(covered[1]?.text).toMatch(/^never a success: (\S+ \S+, ){5}1 more$/);
  const uncovered = await checkTargets(store, devices, [{ topic: 'another', topics: ['another'] }]);
  expect(uncovered[2]?.text).toMatch(/(\S+ \S+, ){5}1 more$/);
});
