import { expect, test } from 'vitest';
import { ANNOUNCED_FOR_MS } from '../../../src/store/presence.ts';
import type { Store } from '../../../src/store/store.ts';
import { type Candidate, ruleOn } from '../../../src/targets/precedence.ts';
import type { WholeTarget } from '../../../src/targets/record.ts';
import { systemClock } from '../../../src/process/clock.ts';
import { claimedOne, enqueued, NOW_MS, subscription } from '../../support/store.ts';
import { type Open, phone, waitingFor, withPhone } from './scene.ts';

const RULES = { maxPerUser: 2, latestMs: NOW_MS };

async function events(store: Store, ...numbers: number[]): Promise<void> {
  for (const n of numbers) await enqueued(store, { mailboxes: [{ owner: `user${n}`, path: 'INBOX' }] });
}

/** As a file that was exported says it. */
function candidateOf(exported: WholeTarget): Candidate {
  const { user, deviceToken, accountId, subtopic, apsVersion, topic, source, subscriptions, ...more } =
    exported;
  const { registeredMs, renewedMs, ...history } = more;
  const target = { user, deviceToken, accountId, subtopic, apsVersion, topic, source, subscriptions };
  return { target, registeredMs, renewedMs, history };
}

/** What people, numbers and whoever is there do with any store. */
export function operatorContract(open: Open): void {
  test('targets are listed by user, paged by id, and removed where they still match', async () => {
    const store = await open();
    const two = await withPhone(store, 2, { nowMs: NOW_MS + 1 });
    const one = await withPhone(store, 1, { topic: 'other' });
    expect((await store.listTargets({})).map(({ id }) => id)).toEqual([one.id, two.id]);
    expect(await store.targetIds({}, 'renewed')).toEqual([two.id, one.id]);
    expect(await store.targetIds({ renewedBeforeMs: NOW_MS + 1 })).toEqual([one.id]);
    expect(await store.targetIds({ tokenPrefix: two.deviceToken.slice(0, 64).toUpperCase() })).toEqual([
      two.id,
    ]);
    expect(await store.targetsById([two.id, 999_999, one.id], { topic: 'other' })).toEqual([one]);
    expect(await store.countTargets()).toEqual({ targets: 2, users: 2 });
    expect(await store.lastRegistered(NOW_MS + 1)).toBe(NOW_MS + 1);
    expect(await store.lastRegistered(NOW_MS)).toBe(NOW_MS);
    expect(await store.lastRegistered(0)).toBeUndefined();
    expect(await store.topicsInUse()).toContainEqual({ topic: 'other', count: 1, renewedMs: NOW_MS });
    expect(await store.removeTargets([one.id, two.id], { user: 'user1' })).toEqual([one]);
    expect(await store.countRows()).toEqual({ targets: 1, waiting: 0 });
  });

  test('an export goes on after a target, and an import by the rule makes the same of it', async () => {
    const [from, to] = [await open(), await open()];
    for (const n of [1, 2, 3])
      await withPhone(from, n, { subscriptions: [subscription('Bücher', `user${n}`)] });
    const [first, ...rest] = await from.exportTargets(phone(0), 100);
    expect(first).toMatchObject({ user: 'user1', subscriptions: [subscription('Bücher', 'user1')] });
    expect(await from.exportTargets(first!, 100)).toEqual(rest);
    expect(await from.exportTargets(phone(0), 100, 'user3')).toEqual(rest.slice(1));
    const candidates = [first!, ...rest].map(candidateOf);
    const rule: Parameters<Store['importTargets']>[1]['rule'] = ({ target, ...times }, standing) =>
      ruleOn({ ...target, ...times }, standing, RULES);
    const terms = { rule, timeMs: 60_000, clock: systemClock };
    const { rulings } = await to.importTargets(candidates, terms);
    expect(rulings.map(({ act }) => act)).toEqual(['taken', 'taken', 'taken']);
    expect(await to.exportTargets(phone(0), 100)).toEqual([first, ...rest]);
    const again = await to.importTargets(candidates, terms);
    expect(again.rulings.map(({ act }) => act)).toEqual(['unchanged', 'unchanged', 'unchanged']);
    const standing = await to.standingOf(['user1', 'nobody']);
    expect(standing.get('user1')).toMatchObject([{ deviceToken: phone(1).deviceToken, renewedMs: NOW_MS }]);
    expect(standing.get('nobody') ?? []).toEqual([]);
  });

  test('waiting pushes are found, retried and discarded; what is being sent is left alone', async () => {
    const store = await open();
    const [one, two] = [await withPhone(store, 1), await withPhone(store, 2)];
    await events(store, 1);
    await claimedOne(store);
    await events(store, 2);
    expect(await store.waitingIds({}, -1)).toEqual([one.id, two.id]);
    expect(await store.waitingIds({ user: 'user2' }, 1)).toEqual([two.id]);
    expect(await store.countWaiting({}, NOW_MS)).toEqual({ free: 1, askedToWait: 0, sending: 1 });
    const { count, madeDue } = await store.retryWaiting({}, NOW_MS);
    expect([count.sending, madeDue]).toEqual([1, []]);
    const { discarded, sending } = await store.discardWaiting({}, NOW_MS);
    expect([discarded, sending]).toMatchObject([[{ targetId: two.id, user: 'user2' }], 1]);
    expect(await waitingFor(store, one)).toMatchObject({ leaseOwner: 'one' });
    expect(await store.targetIds({ user: 'user2' })).toEqual([two.id]);
  });

  test('the numbers say what there is and what it waits for', async () => {
    const store = await open();
    expect(await store.everHadTargets()).toBe(false);
    for (const n of [1, 2, 3]) await withPhone(store, n);
    await events(store, 1, 2);
    const serve = { owner: 'serve', sinceMs: NOW_MS - 9, nowMs: NOW_MS, outdated: undefined };
    await store.announceServe(serve);
    const targets = await store.summariseTargets(NOW_MS, NOW_MS);
    expect(targets).toMatchObject({ targets: 3, ofCyrus: 3, users: 3, renewed: 3, disabled: 0, ahead: 0 });
    expect(targets.serves).toEqual([{ owner: 'serve', sinceMs: NOW_MS - 9, outdated: null, closed: [] }]);
    const waiting = await store.summariseWaiting(NOW_MS);
    expect(waiting.groups).toMatchObject({ new: { pushes: 2, oldestMs: NOW_MS } });
    expect(waiting).toMatchObject({ nextMs: NOW_MS, oldest: { user: 'user1', state: 'new' } });
    expect(await store.schemaVersion()).toBeGreaterThan(0);
  });

  test('that there was a target is known when it is gone', async () => {
    const store = await open();
    const target = await withPhone(store, 1);
    await store.removeTargets([target.id], {});
    expect(await store.everHadTargets()).toBe(true);
  });

  test('writing is tried, and changes nothing', async () => {
    const store = await open();
    await withPhone(store, 1);
    const before = await store.summariseTargets(NOW_MS, NOW_MS);
    await store.tryWriting();
    expect(await store.summariseTargets(NOW_MS, NOW_MS)).toEqual(before);
  });

  test('rows are counted in short looks, each after the one before', async () => {
    const store = await open();
    const ids = [];
    for (const n of [1, 2, 3]) ids.push((await withPhone(store, n)).id);
    await events(store, 1, 2, 3);
    const allMail = { calendar: 0, contacts: 0 };
    expect(await store.tallyTargets(0, 2)).toEqual({ rows: 2, last: ids[1], ...allMail });
    expect(await store.tallyTargets(ids[1]!, 2)).toEqual({ rows: 1, last: ids[2], ...allMail });
    expect(await store.tallyTargets(ids[2]!, 2)).toBeUndefined();
    expect(await store.tallyWaiting(0, 2)).toEqual({ rows: 2, last: ids[1], oldestMs: NOW_MS });
    expect(await store.tallyWaiting(ids[2]!, 2)).toBeUndefined();
  });

  test('one caller starts a deliverer, until it is up or the time is over', async () => {
    const store = await open();
    expect(await store.mayStartDeliverer(NOW_MS, 1000)).toBe(true);
    expect(await store.mayStartDeliverer(NOW_MS + 999, 1000)).toBe(false);
    await store.delivererStarted();
    expect(await store.mayStartDeliverer(NOW_MS + 999, 1000)).toBe(true);
    expect(await store.mayStartDeliverer(NOW_MS + 1999, 1000)).toBe(true);
  });

  test('a serve that is silent for long is forgotten', async () => {
    const store = await open();
    const silent = { owner: 'silent', sinceMs: NOW_MS, nowMs: NOW_MS, outdated: '/the/program' };
    await store.announceServe(silent);
    const laterMs = NOW_MS + ANNOUNCED_FOR_MS + 1;
    const door = { door: 'http', isAsBefore: false, sinceMs: NOW_MS, reason: 'it is in use', fix: null };
    await store.announceServe({ ...silent, owner: 'awake', nowMs: laterMs, closed: [door] });
    const { serves } = await store.summariseTargets(NOW_MS, laterMs);
    expect(serves).toEqual([{ owner: 'awake', sinceMs: NOW_MS, outdated: '/the/program', closed: [door] }]);
    await store.announceServe({ ...silent, owner: 'awake', nowMs: laterMs });
    expect((await store.summariseTargets(NOW_MS, laterMs)).serves).toMatchObject([{ closed: [] }]);
  });

  test('room that removed rows leave is given back, and nothing else goes', async () => {
    const store = await open();
    await withPhone(store, 1);
    expect(await store.freeBytes()).toBeGreaterThanOrEqual(0);
    const { bytesAfter } = await store.compact(systemClock);
    expect(bytesAfter).toBeGreaterThan(0);
    expect(await store.countRows()).toEqual({ targets: 1, waiting: 0 });
  });
}
