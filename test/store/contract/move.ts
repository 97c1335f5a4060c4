import { expect, test } from 'vitest';
import { StoreError } from '../../../src/store/errors.ts';
import type { Store } from '../../../src/store/store.ts';
import { newMail, withEndpoint } from '../../support/notices.ts';
import { claimedOne, enqueued, NOW_MS } from '../../support/store.ts';
import { APPLE_AWAY, attempt, DELIVERED, type Open, phone, waitingFor, withPhone } from './scene.ts';
import { settle } from '../../support/settling.ts';

const TERMS = { nowMs: NOW_MS, maxEntries: 100 };
const DEPARTURE = { id: 'a move', to: 'another store', step: 'devices' } as const;

/** What moves all that one store has to another. */
export function moveContract(open: Open): void {
  test('who has it open cannot change it any more, reads it, and may again where it stays', async () => {
    const store = await open();
    await withPhone(store, 1);
    await enqueued(store, { mailboxes: [{ owner: 'user1', path: 'INBOX' }] });
    await withEndpoint(store, 1);
    await store.depart(DEPARTURE);
    await store.depart({ ...DEPARTURE, step: 'pushes' });
    expect(await store.departure()).toEqual({ ...DEPARTURE, step: 'pushes' });
    for (const change of [
      () => enqueued(store, { mailboxes: [{ owner: 'user1', path: 'Archive' }] }),
      () => store.register(phone(2), { nowMs: NOW_MS, maxPerUser: 20 }),
      () => claimedOne(store),
      () => store.removeTargets([1], { user: 'user1' }),
      () => store.discardWaiting({}, NOW_MS),
      () => withEndpoint(store, 2),
      () => store.enqueueNotices(newMail()),
      () => store.removeEndpoints({ user: 'alice' }),
      () => store.changeMetadata('alice', [{ key: 'x', value: Buffer.from('1') }], TERMS),
    ])
      await expect(change()).rejects.toBeInstanceOf(StoreError);
    expect(await store.countRows()).toEqual({ targets: 1, waiting: 1 });
    await store.stay();
    expect(await store.departure()).toBeUndefined();
    expect(await claimedOne(store)).toMatchObject({ user: 'user1' });
    await store.stay();
  });

  test('a push comes as it was, once, with how far the move is', async () => {
    const [from, to] = [await open(), await open()];
    const device = await withPhone(from, 1);
    await withPhone(to, 2);
    const same = await withPhone(to, 1);
    await enqueued(from, { mailboxes: [{ owner: 'user1', path: 'INBOX' }], apnsId: 'its own' });
    await settle(from, [attempt(await claimedOne(from), APPLE_AWAY)]);
    await enqueued(from, { mailboxes: [{ owner: 'user1', path: 'Archive' }], nowMs: NOW_MS + 1 });
    const pushes = await from.movingPushes(0, 10);
    expect(pushes).toMatchObject([{ apnsId: 'its own', generation: 2, attempts: 1, heldBy: 'apple' }]);
    expect(await to.arrival('a move')).toBeUndefined();
    await to.arrive({ id: 'a move', afterTargetId: device.id }, pushes);
    expect(await to.arrival('a move')).toEqual({ afterTargetId: device.id, pushes: 1 });
    expect(await to.movingPushes(0, 10)).toEqual([{ ...pushes[0], targetId: same.id }]);
    expect(await from.movingPushes(device.id, 10)).toEqual([]);
    await to.forgetArrival('a move');
    expect(await to.arrival('a move')).toBeUndefined();
    await to.forgetArrival('a move');
  });

  test('a push joins what waits there, and one of a device that is not there is not counted', async () => {
    const [from, to] = [await open(), await open()];
    for (const n of [1, 2]) await withPhone(from, n);
    const device = await withPhone(to, 1);
    for (const n of [1, 2]) await enqueued(from, { mailboxes: [{ owner: `user${n}`, path: 'Archive' }] });
    await enqueued(to, { mailboxes: [{ owner: 'user1', path: 'INBOX' }], nowMs: NOW_MS + 5 });
    const sending = await claimedOne(to, { nowMs: NOW_MS + 5 });
    await to.arrive({ id: 'a move', afterTargetId: 2 }, await from.movingPushes(0, 10));
    expect(await to.arrival('a move')).toEqual({ afterTargetId: 2, pushes: 1 });
    await to.forgetArrival('a move');
    await settle(to, [attempt(sending, DELIVERED)]);
    const { mailboxes, enqueuedMs } = await waitingFor(to, device);
    expect(mailboxes).toEqual([{ owner: 'user1', path: 'Archive' }]);
    expect(enqueuedMs).toBeLessThanOrEqual(NOW_MS + 5);
  });

  test('endpoints come with their notices and how far the move is; the later registration holds', async () => {
    const [from, to] = [await open(), await open()];
    const page = { afterId: 0, limit: 10 };
    await withEndpoint(from, 1, { expiresMs: NOW_MS + 5 });
    const last = await withEndpoint(from, 2, { nowMs: NOW_MS + 9, host: 'new.example.org' });
    await withEndpoint(to, 3);
    await withEndpoint(to, 2, { isProven: false });
    await withEndpoint(to, 1, { nowMs: NOW_MS + 9, isProven: false });
    await from.enqueueNotices(newMail());
    const endpoints = await from.listEndpoints({}, page);
    const notices = await from.movingNotices(endpoints.map(({ id }) => id));
    expect(notices).toMatchObject([{ fingerprint: endpoints[0]?.fingerprint, event: 'MessageNew' }, {}]);
    expect(await from.movingNotices([])).toEqual([]);
    const ids = { endpoints: 'a move endpoints', notices: 'a move notices' };
    await to.arrive({ id: 'a move', afterTargetId: 0 }, []);
    await to.takeEndpoints({ ids, afterId: last }, endpoints, notices);
    expect(await to.arrival(ids.endpoints)).toEqual({ afterTargetId: last, pushes: 2 });
    expect(await to.arrival(ids.notices)).toEqual({ afterTargetId: last, pushes: 2 });
    const [three, two, one] = await to.listEndpoints({}, page);
    expect(three).toMatchObject({ provenMs: NOW_MS });
    expect(two).toMatchObject({
      address: endpoints[1]?.address,
      renewedMs: NOW_MS + 9,
      registeredMs: NOW_MS,
    });
    expect(one).toMatchObject({ expiresMs: null, provenMs: NOW_MS, renewedMs: NOW_MS + 9 });
    expect(await to.movingNotices([one?.id ?? 0, two?.id ?? 0])).toEqual([...notices].reverse());
    const later = newMail({
      nowMs: NOW_MS + 20,
      notice: { event: 'MessageRead', mailbox: 'x', eventMs: NOW_MS + 20 },
    });
    await to.enqueueNotices(later);
    await to.takeEndpoints({ ids, afterId: last }, [], notices);
    expect((await to.countNotices()).notices).toBe(3);
    expect(await to.movingNotices([two?.id ?? 0])).toMatchObject([{ event: 'MessageRead', generation: 3 }]);
    for (const id of ['a move', ids.endpoints, ids.notices]) await to.forgetArrival(id);
  });

  test('entries of METADATA come as they are, each after the last, and the later change holds', async () => {
    const [from, to] = [await open(), await open()];
    const set = (store: Store, user: string, key: string, value: string, nowMs = NOW_MS): Promise<unknown> =>
      store.changeMetadata(user, [{ key, value: Buffer.from(value) }], { ...TERMS, nowMs });
    await set(from, '', 'shared/comment', 'of all');
    await set(from, 'alice', 'priv/a', '\0\xff"{}', NOW_MS + 5);
    await set(from, 'alice', 'priv/b', 'older');
    await set(to, 'alice', 'priv/a', 'older');
    await set(to, 'alice', 'priv/b', 'newer', NOW_MS + 5);
    const first = await from.movingMetadata({ user: '', key: '' }, 2);
    expect(first.map(({ user, key }) => [user, key])).toEqual([
      ['', 'shared/comment'],
      ['alice', 'priv/a'],
    ]);
    const rest = await from.movingMetadata(first[1]!, 2);
    await to.takeMetadata([...first, ...rest]);
    const moved = await to.movingMetadata({ user: '', key: '' }, 10);
    expect(moved.map(({ value }) => Buffer.from(value).toString())).toEqual(['of all', '\0\xff"{}', 'newer']);
    expect(moved.map(({ changedMs }) => changedMs - NOW_MS)).toEqual([0, 5, 5]);
    expect(await from.movingMetadata(rest[0]!, 10)).toEqual([]);
  });

  test('of what credentials have achieved the later stays', async () => {
    const [from, to] = [await open(), await open()];
    const token = { jwt: 'the later', issuedMs: NOW_MS };
    await from.replaceProviderToken('a key', { keep: () => false, issue: () => token });
    await to.replaceProviderToken('a key', {
      keep: () => false,
      issue: () => ({ jwt: 'the earlier', issuedMs: NOW_MS - 1 }),
    });
    await from.mayWarn({ fingerprint: 'one', server: 'apple' }, NOW_MS, 1000);
    const kept = await from.keptCredentials();
    expect(kept.achieved).toMatchObject([{ fingerprint: 'one', server: 'apple', warnedMs: NOW_MS }]);
    await to.takeCredentials(kept);
    await to.takeCredentials(kept);
    expect(await to.keptCredentials()).toEqual(kept);
    expect(await to.providerToken('a key')).toEqual(token);
  });
}
