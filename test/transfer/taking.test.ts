import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/process/clock.ts';
import type { Store } from '../../src/store/store.ts';
import type { Candidate, Ruling } from '../../src/targets/precedence.ts';
import { exportedTargets } from '../../src/transfer/export.ts';
import { rehearseOn, type Take, takeInto } from '../../src/transfer/taking.ts';
import { targetLine } from '../../src/transfer/target-line.ts';
import { tokenNumber } from '../support/events.ts';
import { emptied, NOW_MS, registered, rowsOf, testStore } from '../support/store.ts';
import { anyTarget, exportedTarget, filled } from './targets.ts';

const RULES = { maxPerUser: 3, latestMs: NOW_MS };

function candidate(changes: Partial<ReturnType<typeof exportedTarget>> = {}, history = true): Candidate {
  const target = exportedTarget(changes);
  const { registeredMs, renewedMs } = target;
  return { target, registeredMs, renewedMs, history: history ? target : undefined };
}

async function all(take: Take, candidates: readonly Candidate[]): Promise<Ruling[]> {
  const rulings: Ruling[] = [];
  while (rulings.length < candidates.length) rulings.push(...(await take(candidates.slice(rulings.length))));
  return rulings;
}

async function linesOf(store: Store, user?: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const page of exportedTargets(store, user)) lines.push(...page.map(targetLine));
  return lines;
}

test('any targets come out of a database as they went in, by user, token and account id', async () => {
  const kept = testStore();
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(anyTarget, { selector: ({ user, deviceToken }) => user + deviceToken, maxLength: 8 }),
      async (targets) => {
        const store = await emptied(kept);
        await filled(store, targets);
        const lines = await linesOf(store);
        const keyOf = ({ user, deviceToken }: (typeof targets)[number]): Buffer =>
          Buffer.from(`${user}\0${deviceToken}`);
        const sorted = [...targets].sort((a, b) => Buffer.compare(keyOf(a), keyOf(b)));
        expect(lines).toEqual(sorted.map(targetLine));
        for (const { user } of targets.slice(0, 1))
          expect(await linesOf(store, user)).toEqual(
            sorted.filter((each) => each.user === user).map(targetLine),
          );
      },
    ),
    { numRuns: 25 },
  );
});

test('more targets than are read at once, and a thousand mailboxes of one', async () => {
  const store = testStore();
  const subscriptions = Array.from({ length: 1000 }, (_, index) => {
    const path = `folder ${String(index).padStart(4, '0')}`;
    return { owner: 'alice', path, name: path, hash: undefined };
  });
  const targets = Array.from({ length: 250 }, (_, index) =>
    exportedTarget({ user: `user${String(index).padStart(3, '0')}` }),
  );
  await filled(store, [exportedTarget({ subscriptions }), ...targets]);
  const lines = await linesOf(store);
  expect(lines).toHaveLength(251);
  expect(lines[0]).toBe(targetLine(exportedTarget({ subscriptions })));
  expect(lines.slice(1)).toEqual(targets.map(targetLine));
});

describe('a target that is there already', () => {
  test('gets all that the newer one has', async () => {
    const store = testStore();
    await filled(store, [exportedTarget({ lastPushMs: 5, failures: 3, disabledMs: 9 })]);
    const newer = exportedTarget({
      renewedMs: NOW_MS + 1,
      registeredMs: NOW_MS,
      lastError: 'x',
      topic: 'new',
    });
    await all(takeInto(store, RULES, systemClock), [candidate(newer)]);
    expect(await linesOf(store)).toEqual([targetLine({ ...newer, registeredMs: NOW_MS - 5000 })]);
  });

  test('keeps what is known of its pushes where the file does not say, and may get pushes again', async () => {
    const store = testStore();
    const old = {
      lastPushMs: 5,
      lastSuccessMs: 4,
      lastError: 'y',
      lastErrorMs: 6,
      failures: 3,
      failingSinceMs: 7,
      disabledMs: 9,
    };
    await filled(store, [exportedTarget(old)]);
    await all(takeInto(store, RULES, systemClock), [candidate({ renewedMs: NOW_MS + 1 }, false)]);
    const after = { ...old, renewedMs: NOW_MS + 1, failures: 0, failingSinceMs: null, disabledMs: null };
    expect(await linesOf(store)).toEqual([targetLine(exportedTarget(after))]);
  });

  test('that registered meanwhile is not overwritten by an older line', async () => {
    const store = testStore();
    await registered(store, { topic: 'registered' }, { nowMs: NOW_MS + 10 });
    expect(await all(takeInto(store, RULES, systemClock), [candidate({ topic: 'from the file' })])).toEqual([
      { act: 'unchanged' },
    ]);
    expect(await rowsOf(store, 'SELECT topic FROM targets')).toEqual([{ topic: 'registered' }]);
  });

  test('under another account id is replaced, with its mailboxes', async () => {
    const store = testStore();
    await filled(store, [exportedTarget()]);
    const newer = exportedTarget({ accountId: 'another-account-id', renewedMs: NOW_MS + 1 });
    expect(await all(takeInto(store, RULES, systemClock), [candidate(newer)])).toMatchObject([
      { act: 'taken', removed: [1] },
    ]);
    expect(await linesOf(store)).toEqual([targetLine(newer)]);
    expect(await rowsOf(store, 'SELECT * FROM subscriptions')).toHaveLength(1);
  });
});

test('the newest devices of a user stay, whatever came first', async () => {
  const store = testStore();
  const devices = [5, 1, 4, 2, 3].map((age) =>
    candidate({ deviceToken: tokenNumber(age), renewedMs: NOW_MS - age }),
  );
  const rulings = await all(takeInto(store, RULES, systemClock), devices);
  expect(rulings.map(({ act }) => act)).toEqual(['taken', 'taken', 'taken', 'taken', 'taken']);
  const tokens = await rowsOf(store, 'SELECT device_token AS token FROM targets ORDER BY renewed_ms DESC');
  expect(tokens.map(({ token }) => token)).toEqual([1, 2, 3].map(tokenNumber));
  const again = await all(takeInto(store, RULES, systemClock), devices);
  expect(again.map(({ act }) => act)).toEqual(['skipped', 'unchanged', 'skipped', 'unchanged', 'unchanged']);
});

test('a transaction ends when its time is over, and others get as much', async () => {
  const store = testStore();
  let steadyMs = 0;
  const slept: number[] = [];
  const clock = {
    nowMs: () => NOW_MS,
    steadyMs: () => (steadyMs += 10),
    sleep: (ms: number) => {
      slept.push(ms);
      return Promise.resolve();
    },
  };
  const take = takeInto(store, RULES, clock);
  const candidates = Array.from({ length: 10 }, (_, index) => candidate({ user: `user${index}` }));
  expect(await take(candidates)).toHaveLength(3);
  expect(slept).toEqual([40]);
  expect(await rowsOf(store, 'SELECT * FROM targets')).toHaveLength(3);
});

test.each<[string, ...[token: number, renewedMs: number][]]>([
  ['that were never renewed', [1, 13], [2, 13], [3, 13], [4, 14], [1, 15]],
  ['of which one was renewed', [1, 12], [2, 13], [3, 13], [1, 13], [4, 14], [1, 15]],
])('a rehearsal removes of equally old devices those that the import removes: %s', async (_, ...devices) => {
  const candidates = devices.map(([token, renewedMs]) =>
    candidate({ deviceToken: tokenNumber(token), renewedMs }),
  );
  const rehearsed = await all(rehearseOn(undefined, RULES), candidates);
  const done = await all(takeInto(testStore(), RULES, systemClock), candidates);
  expect(rehearsed.map(({ act }) => act)).toEqual(done.map(({ act }) => act));
});

test('a rehearsal says what would be done, and changes nothing', async () => {
  const few = fc.constantFrom('alice', 'bob');
  const device = fc.nat(4).map(tokenNumber);
  const account = fc.constantFrom('account-id-number-1', 'account-id-number-2');
  const any = fc
    .record({ user: few, deviceToken: device, accountId: account, renewedMs: fc.nat(50) })
    .map((changes) => candidate(changes));
  const kept = testStore();
  await fc.assert(
    fc.asyncProperty(
      fc.array(any, { maxLength: 10 }),
      fc.array(any, { maxLength: 20 }),
      async (before, candidates) => {
        const store = await emptied(kept);
        await all(takeInto(store, RULES, systemClock), before);
        const lines = await linesOf(store);
        const rehearsed = await all(rehearseOn(store, RULES), candidates);
        expect(await linesOf(store)).toEqual(lines);
        const done = await all(takeInto(store, RULES, systemClock), candidates);
        const told = (rulings: readonly Ruling[]): unknown =>
          rulings.map((ruling) => [ruling.act, 'removed' in ruling ? ruling.removed.length : 0]);
        expect(told(rehearsed)).toEqual(told(done));
      },
    ),
    { numRuns: 25 },
  );
  expect(await rehearseOn(undefined, RULES)([candidate()])).toMatchObject([{ act: 'taken' }]);
});
