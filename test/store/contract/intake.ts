import { expect, test } from 'vitest';
import type { Mailbox } from '../../../src/mailboxes/mailbox.ts';
import { AT_ONCE } from '../../../src/outbox/timing.ts';
import type { Enqueued } from '../../../src/store/intake.ts';
import type { Subscription } from '../../../src/targets/subscription.ts';
import { claimedOne, enqueued, NOW_MS, subscription } from '../../support/store.ts';
import { settle } from '../../support/settling.ts';
import { attempt, DELIVERED, MAX_PER_USER, type Open, phone, waitingFor, withPhone } from './scene.ts';

const ONE_DAY_MS = 86_400_000;
const RULES = { maxPerUser: MAX_PER_USER };

/** What registrations and events do to any store. */
export function intakeContract(open: Open): void {
  test('the first registration creates a target, the next renews it, its subscriptions as a whole', async () => {
    const store = await open();
    const first = await store.register(phone(1), { ...RULES, nowMs: NOW_MS });
    expect(first).toEqual({ created: true, replaced: 0, evicted: 0, outdated: false });
    const drafts = { subscriptions: [subscription('Drafts', 'user1')] };
    const second = await store.register(phone(1, drafts), { ...RULES, nowMs: NOW_MS + 5 });
    expect(second).toEqual({ created: false, replaced: 0, evicted: 0, outdated: false });
    const [target] = await store.listTargets({});
    expect(target).toMatchObject({ user: 'user1', registeredMs: NOW_MS, renewedMs: NOW_MS + 5 });
    expect(await store.subscriptionsOf(target?.id ?? 0)).toEqual(drafts.subscriptions);
  });

  test('an older registration changes nothing, and one of the future counts as now', async () => {
    const store = await open();
    await store.register(phone(1, { topic: 'new' }), { ...RULES, nowMs: NOW_MS });
    const late = { ...RULES, nowMs: NOW_MS + 5, atMs: NOW_MS - 1 };
    expect(await store.register(phone(1, { topic: 'old' }), late)).toMatchObject({ outdated: true });
    expect(await store.usualTopic(NOW_MS)).toBe('new');
    await store.register(phone(1), { ...RULES, nowMs: NOW_MS + 9, atMs: NOW_MS + ONE_DAY_MS });
    expect(await store.listTargets({})).toMatchObject([{ renewedMs: NOW_MS + 9 }]);
  });

  test('a new account id of a device replaces the old one, and beyond the limit the oldest goes', async () => {
    const store = await open();
    await withPhone(store, 1);
    const renamed = phone(1, { accountId: 'another-account-id' });
    expect(await store.register(renamed, { ...RULES, nowMs: NOW_MS + 1 })).toMatchObject({ replaced: 1 });
    const second = phone(1, { deviceToken: phone(2).deviceToken });
    const evicting = await store.register(second, { nowMs: NOW_MS + 2, maxPerUser: 1 });
    expect(evicting).toMatchObject({ created: true, evicted: 1 });
    expect(await store.listTargets({})).toMatchObject([{ deviceToken: second.deviceToken }]);
  });

  test('the usual topic is that of the latest registration that has one', async () => {
    const store = await open();
    expect(await store.usualTopic(NOW_MS)).toBeUndefined();
    await withPhone(store, 1, { topic: 'one' });
    await withPhone(store, 2, { topic: '', nowMs: NOW_MS + 1 });
    expect(await store.usualTopic(NOW_MS)).toBe('one');
    await withPhone(store, 3, { topic: 'of a clock that was ahead', nowMs: NOW_MS + ONE_DAY_MS });
    expect(await store.usualTopic(NOW_MS)).toBe('one');
    expect(await store.usualTopic(NOW_MS - 1)).toBe('of a clock that was ahead');
  });

  test('before it comes one under which Apple has taken a push since, whoever told the others', async () => {
    const store = await open();
    const right = await withPhone(store, 1, { topic: 'right' });
    await withPhone(store, 2, { topic: 'mistyped', nowMs: NOW_MS + 1 });
    expect(await store.usualTopic(NOW_MS + 1)).toBe('mistyped');
    await enqueued(store, { mailboxes: [{ owner: right.user, path: 'INBOX' }] });
    await settle(store, [attempt(await claimedOne(store), DELIVERED)]);
    expect(await store.usualTopic(NOW_MS + 200)).toBe('right');
    // What it registers with later says nothing of what was taken before.
    await withPhone(store, 1, { topic: 'newer', nowMs: NOW_MS + 200 });
    await withPhone(store, 2, { topic: 'newest', nowMs: NOW_MS + 201 });
    expect(await store.usualTopic(NOW_MS + 201)).toBe('newest');
  });

  test('before it comes one that more phones have told in the last days, whatever Apple has taken', async () => {
    const store = await open();
    const old = await withPhone(store, 1, { topic: 'old' });
    await withPhone(store, 2, { topic: 'old' });
    await enqueued(store, { mailboxes: [{ owner: old.user, path: 'INBOX' }] });
    await settle(store, [attempt(await claimedOne(store), DELIVERED)]);
    const nowMs = NOW_MS + 3 * ONE_DAY_MS;
    for (const n of [3, 4]) await withPhone(store, n, { topic: 'right', nowMs });
    await withPhone(store, 5, { topic: 'mistyped', nowMs: nowMs + 1 });
    expect(await store.usualTopic(nowMs + 1)).toBe('right');
  });

  test('an event concerns those who are subscribed to the mailbox, and joins the push that waits', async () => {
    const store = await open();
    const [one, two] = [await withPhone(store, 1), await withPhone(store, 2)];
    expect(await store.subscribed([{ owner: 'user1', path: 'INBOX' }])).toEqual([one.id]);
    expect(await enqueued(store, { mailboxes: [{ owner: 'user1', path: 'Sent' }] })).toEqual([]);
    expect(await enqueued(store, { mailboxes: [{ owner: 'user1', path: 'INBOX' }] })).toEqual([one.id]);
    const again = { mailboxes: [{ owner: 'user1', path: 'Archive' }], nowMs: NOW_MS + 7 };
    expect(await enqueued(store, again)).toEqual([one.id]);
    const push = await waitingFor(store, one);
    expect(push).toMatchObject({ enqueuedMs: NOW_MS, eventMs: NOW_MS + 7, dueMs: NOW_MS, attempts: 0 });
    expect(push.mailboxes.map(({ path }) => path).sort()).toEqual(['Archive', 'INBOX']);
    expect(await store.waitingById([two.id])).toEqual([]);
  });

  test('who may not read a mailbox is denied it, the owner never', async () => {
    const store = await open();
    const shared = [{ owner: 'user2', path: 'INBOX' }];
    const stranger = await withPhone(store, 1, { subscriptions: [subscription('INBOX', 'user2')] });
    const owner = await withPhone(store, 2);
    const request = { event: 'MessageNew', mailboxes: shared, nowMs: NOW_MS } as const;
    const timing = { throttleMs: 0, housekeepingDelayMs: 0 };
    const denying = { ...request, timing, newApnsId: () => 'id', mayRead: () => false };
    expect(await store.enqueue(denying)).toEqual({
      targetIds: [owner.id],
      disabled: 0,
      denied: 1,
      unnamed: 0,
    });
    expect(await store.waitingById([stranger.id])).toEqual([]);
  });

  test('a device that was told no names hears of its own INBOX alone', async () => {
    const store = await open();
    const unnamed = (path: string, owner = 'user1'): Subscription => ({
      ...subscription(path, owner),
      hash: undefined,
    });
    const subscriptions = [unnamed('INBOX'), unnamed('Archive'), unnamed('INBOX', 'user2')];
    const device = await withPhone(store, 1, { subscriptions });
    const told = (...mailboxes: Mailbox[]): Promise<Enqueued> =>
      store.enqueue({
        event: 'MessageNew',
        mailboxes,
        nowMs: NOW_MS,
        newApnsId: () => 'id',
        timing: AT_ONCE,
      });
    const [inbox, archive] = [
      { owner: 'user1', path: 'INBOX' },
      { owner: 'user1', path: 'Archive' },
    ];
    const nobody = { targetIds: [], disabled: 0, denied: 0, unnamed: 1 };
    expect(await told(archive)).toEqual(nobody);
    expect(await told({ owner: 'user2', path: 'INBOX' })).toEqual(nobody);
    expect(await store.waitingById([device.id])).toEqual([]);
    expect(await told(archive, inbox)).toEqual({ ...nobody, targetIds: [device.id], unnamed: 0 });
    expect((await waitingFor(store, device)).mailboxes).toMatchObject([inbox]);
  });

  test('pushes are held back only while a serve is there to send them later', async () => {
    const store = await open();
    const target = await withPhone(store, 1);
    const timing = { throttleMs: 0, housekeepingDelayMs: 500 };
    const mailboxes = [{ owner: 'user1', path: 'INBOX' }];
    const read = { event: 'MessageRead', mailboxes, newApnsId: () => 'id', timing } as const;
    const serve = { owner: 'serve', sinceMs: NOW_MS, nowMs: NOW_MS, outdated: undefined };
    await store.announceServe(serve);
    await store.enqueue({ ...read, nowMs: NOW_MS });
    expect(await waitingFor(store, target)).toMatchObject({ dueMs: NOW_MS + 500 });
    await store.withdrawServe('serve');
    await store.enqueue({ ...read, nowMs: NOW_MS + 1 });
    expect(await waitingFor(store, target)).toMatchObject({ dueMs: NOW_MS + 1 });
  });
}
