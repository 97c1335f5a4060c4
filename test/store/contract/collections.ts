import { expect, test } from 'vitest';
import { collectionMailbox } from '../../../src/mailboxes/collection.ts';
import { GATHERING_MS } from '../../../src/outbox/timing.ts';
import { KEPT_EXPIRED_MS } from '../../../src/store/intake.ts';
import type { Store } from '../../../src/store/store.ts';
import type { Target } from '../../../src/targets/record.ts';
import type { NewTarget } from '../../../src/targets/target.ts';
import { claimed, claimedOne, enqueued, NOW_MS } from '../../support/store.ts';
import { settle } from '../../support/settling.ts';
import {
  attempt,
  GONE,
  MAX_PER_USER,
  type Open,
  phone,
  UNREACHABLE,
  waitingFor,
  withPhone,
} from './scene.ts';

const ONE_DAY_MS = 86_400_000;
const WORK = collectionMailbox('calendar', 'unique-id-of-work');
const HOME = collectionMailbox('calendar', 'unique-id-of-home');
const TOPIC = 'com.apple.calendar.XServer.a';

function asking(n: number, mailbox = WORK, changes: Partial<NewTarget> = {}): NewTarget {
  return phone(n, {
    ...{ accountId: `user1/${mailbox.path}`, subtopic: 'calendar', topic: TOPIC },
    expiresMs: NOW_MS + ONE_DAY_MS,
    subscriptions: [{ ...mailbox, name: `user1/${mailbox.path}`, hash: 'hash' }],
    ...changes,
  });
}

async function withCalendar(
  store: Store,
  n: number,
  mailbox = WORK,
  { nowMs = NOW_MS, ...changes }: Partial<NewTarget> & { nowMs?: number } = {},
): Promise<Target> {
  const target = asking(n, mailbox, changes);
  await store.register(target, { nowMs, maxPerUser: MAX_PER_USER });
  const found = await store.listTargets({ user: target.user, accountId: target.accountId });
  if (found[0] === undefined) throw new Error('expected a target after a registration');
  return found[0];
}

/** What calendars and address books do to any store. */
export function collectionsContract(open: Open): void {
  test('a device hears of many collections beside Mail, and registers for each by itself', async () => {
    const store = await open();
    const mail = await withPhone(store, 1);
    const [work, home] = [await withCalendar(store, 1), await withCalendar(store, 1, HOME)];
    expect(await store.listTargets({})).toHaveLength(3);
    expect(work).toMatchObject({ subtopic: 'calendar', expiresMs: NOW_MS + ONE_DAY_MS });
    expect(mail).toMatchObject({ expiresMs: null });
    const later = { expiresMs: NOW_MS + 2 * ONE_DAY_MS, nowMs: NOW_MS + 1 };
    expect(await withCalendar(store, 1, WORK, later)).toMatchObject({
      id: work.id,
      expiresMs: later.expiresMs,
    });
    const stale = { nowMs: NOW_MS + 9, atMs: NOW_MS, maxPerUser: MAX_PER_USER };
    expect(await store.register(asking(1), stale)).toMatchObject({ outdated: true });
    expect(await store.register(asking(1, HOME), stale)).toMatchObject({ outdated: false, replaced: 0 });
    expect(await store.register(phone(1), { ...stale, atMs: NOW_MS + 5 })).toMatchObject({ created: false });
    expect((await store.listTargets({})).map(({ id }) => id).sort()).toEqual(
      [mail.id, work.id, home.id].sort(),
    );
  });

  test('each kind has the limit of devices for itself', async () => {
    const store = await open();
    await withPhone(store, 1);
    await withCalendar(store, 1);
    const result = await store.register(asking(1, HOME), { nowMs: NOW_MS + 1, maxPerUser: 1 });
    expect(result).toMatchObject({ created: true, evicted: 1 });
    expect(await store.listTargets({ accountId: phone(1).accountId })).toHaveLength(1);
  });

  test('a change is found by the unique id, and what comes soon is one push', async () => {
    const store = await open();
    const mine = await withCalendar(store, 1);
    const others = await withCalendar(store, 2);
    await withCalendar(store, 1, HOME);
    const request = { event: 'MessageNew' as const, mailboxes: [WORK], gatheringMs: GATHERING_MS };
    const terms = { newApnsId: () => 'id', timing: { throttleMs: 0, housekeepingDelayMs: 60_000 } };
    const first = await store.enqueue({ ...request, ...terms, nowMs: NOW_MS });
    expect([...first.targetIds].sort()).toEqual([mine.id, others.id].sort());
    await store.enqueue({ ...request, ...terms, event: 'MessageExpunge', nowMs: NOW_MS + 2000 });
    expect(await claimed(store, { nowMs: NOW_MS + GATHERING_MS - 1 })).toEqual([]);
    const pushes = await claimed(store, { nowMs: NOW_MS + GATHERING_MS });
    expect(pushes).toHaveLength(2);
    expect(pushes.find(({ targetId }) => targetId === mine.id)).toMatchObject({
      ...{ accountId: 'user1/unique-id-of-work', topic: TOPIC, eventMs: NOW_MS + 2000, generation: 2 },
      mailboxes: [{ ...WORK, hash: 'hash', inbox: false }],
    });
  });

  test('who lost the right to read is not told', async () => {
    const store = await open();
    await withCalendar(store, 1);
    const terms = { newApnsId: () => 'id', timing: { throttleMs: 0, housekeepingDelayMs: 0 } };
    const request = { event: 'MessageNew' as const, mailboxes: [WORK], nowMs: NOW_MS, ...terms };
    expect(await store.enqueue({ ...request, mayRead: () => false })).toMatchObject({
      targetIds: [],
      denied: 1,
    });
  });

  test('what has run out is not told, whether it waits already or not', async () => {
    const store = await open();
    const target = await withCalendar(store, 1);
    expect(await enqueued(store, { mailboxes: [WORK], nowMs: NOW_MS + ONE_DAY_MS })).toEqual([]);
    await enqueued(store, { mailboxes: [WORK] });
    const push = await claimedOne(store);
    await settle(store, [attempt(push, UNREACHABLE)]);
    expect(await waitingFor(store, target)).toMatchObject({ heldBy: 'connection' });
    expect(await claimed(store, { nowMs: NOW_MS + ONE_DAY_MS })).toEqual([]);
    expect(await store.stillWaiting([target.id])).toEqual([]);
  });

  test('what ran out a day ago goes when a device registers, and Mail never', async () => {
    const store = await open();
    const mail = await withPhone(store, 2);
    const old = await withCalendar(store, 1);
    const endMs = NOW_MS + ONE_DAY_MS + KEPT_EXPIRED_MS;
    await withCalendar(store, 2, HOME, { expiresMs: endMs + 1, nowMs: endMs });
    expect(await store.targetIds({ user: 'user1' })).toEqual([old.id]);
    const filter = { expiredBeforeMs: NOW_MS + ONE_DAY_MS + 1 };
    expect(await store.targetIds(filter)).toEqual([old.id]);
    await withCalendar(store, 2, HOME, { expiresMs: endMs + 2, nowMs: endMs + 1 });
    expect(await store.targetIds({ user: 'user1' })).toEqual([]);
    expect(await store.targetIds({ user: 'user2' })).toContain(mail.id);
  });

  test('of a device that is gone the collection that was pushed for goes', async () => {
    const store = await open();
    const [work, home] = [await withCalendar(store, 1), await withCalendar(store, 1, HOME)];
    await enqueued(store, { mailboxes: [WORK] });
    await settle(store, [attempt(await claimedOne(store), GONE)]);
    expect(await store.targetIds({})).toEqual([home.id]);
    expect(await store.stillWaiting([work.id])).toEqual([]);
  });

  test('phones are told no topic of calendars', async () => {
    const store = await open();
    for (const n of [1, 2]) await withCalendar(store, n);
    expect(await store.usualTopic(NOW_MS)).toBeUndefined();
    await withPhone(store, 3, { topic: 'of Mail' });
    expect(await store.usualTopic(NOW_MS)).toBe('of Mail');
  });

  test('the numbers tell collections by their kind, apart from devices of Mail', async () => {
    const store = await open();
    await withPhone(store, 1);
    await withPhone(store, 2);
    const book = { subtopic: 'contacts', topic: 'com.apple.contact.XServer.a' };
    for (const n of [1, 2]) await withCalendar(store, n);
    await withCalendar(store, 1, HOME);
    await withCalendar(store, 3, collectionMailbox('contacts', 'unique-id-of-book'), book);
    expect(await store.summariseTargets(NOW_MS, NOW_MS)).toMatchObject({
      ...{ targets: 2, ofCyrus: 2, users: 2, renewed: 2, disabled: 0, ahead: 0 },
      collections: { calendar: { targets: 3, users: 2 }, contacts: { targets: 1, users: 1 } },
    });
    expect(await store.tallyTargets(0, 9)).toMatchObject({ rows: 6, calendar: 3, contacts: 1 });
    expect(await store.targetIds({ ofMail: true })).toHaveLength(2);
  });

  test('collections are exported and taken as they are', async () => {
    const store = await open();
    await withCalendar(store, 1);
    const start = { user: '', deviceToken: '', accountId: '' };
    const [whole] = await store.exportTargets(start, 10);
    expect(whole).toMatchObject({ ...asking(1), registeredMs: NOW_MS });
  });
}
