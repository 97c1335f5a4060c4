import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../../src/outbox/outcome.ts';
import type { ClaimedPush, Attempt } from '../../../src/outbox/attempt.ts';
import { backoffMs } from '../../../src/outbox/backoff.ts';
import {
  MAX_BAD_TOKENS_IN_A_ROW,
  MAX_GONE_IN_A_ROW,
  type Settlement,
} from '../../../src/outbox/settlement.ts';
import { wakeIn } from '../../../src/store/sqlite/upkeep.ts';
import { tokenNumber } from '../../support/events.ts';
import {
  ALICES_ARCHIVE,
  ALICES_INBOX,
  claimed,
  claimedOne,
  enqueued,
  LEASE_MS,
  NOW_MS,
  outboxRow,
  registered,
  rowsOf,
  testStore,
  type TestStore,
  waitingMailboxes,
} from '../../support/store.ts';
import { settle, SETTLE_CONTEXT, type SettleContext } from '../../support/settling.ts';

const { nowMs: LATER_MS } = SETTLE_CONTEXT;

const DELIVERED: Outcome = { kind: 'delivered' };
const RETRY: Outcome = { kind: 'retry', reason: 'ServiceUnavailable', scope: 'apple', reconnect: false };
const THROTTLED: Outcome = { kind: 'retry', reason: 'TooManyRequests', scope: 'device', reconnect: false };
const BAD_TOKEN: Outcome = { kind: 'rejected', reason: 'BadDeviceToken', badDeviceToken: true };
const GONE: Outcome = { kind: 'gone', reason: 'Unregistered', sinceMs: NOW_MS + 50 };

async function settleOne(
  store: TestStore,
  push: ClaimedPush,
  outcome: Outcome,
  context: Partial<SettleContext> = {},
  fingerprint: string | undefined = 'fingerprint',
): Promise<Settlement> {
  const attempt: Attempt = { push, outcome, unprocessed: false, fingerprint };
  const [settlement] = await settle(store, [attempt], { ...SETTLE_CONTEXT, ...context });
  if (settlement === undefined) throw new Error('expected a settlement');
  return settlement;
}

/** A store with one target, whose push about these mailboxes is under way. */
async function underWay(mailboxes = [ALICES_INBOX]): Promise<{ store: TestStore; push: ClaimedPush }> {
  const store = testStore();
  await registered(store);
  await enqueued(store, { mailboxes });
  return { store, push: await claimedOne(store) };
}

describe('the row', () => {
  test('of a push that was delivered is gone', async () => {
    const { store, push } = await underWay([ALICES_INBOX, ALICES_ARCHIVE]);
    expect(await settleOne(store, push, DELIVERED)).toMatchObject({ row: 'finished', reason: undefined });
    expect(await rowsOf(store, 'SELECT * FROM outbox')).toEqual([]);
    expect(await waitingMailboxes(store)).toEqual([]);
  });

  test('of a push to be tried again waits, with the same apns-id', async () => {
    const { store, push } = await underWay();
    await settleOne(store, push, THROTTLED);
    expect(await outboxRow(store)).toMatchObject({
      apns_id: 'first',
      due_ms: LATER_MS + backoffMs(1, 0.5),
      held_by: 'device',
      last_reason: 'TooManyRequests',
      attempts: 1,
      lease_owner: null,
      lease_until_ms: null,
    });
    expect(await waitingMailboxes(store)).toEqual(['alice:INBOX']);
    const again = await claimedOne(store, { nowMs: LATER_MS + backoffMs(1, 0.5) });
    expect(again).toMatchObject({ apnsId: 'first', attempts: 2 });
  });

  test.each([
    ['rejected', { kind: 'rejected', reason: 'PayloadTooLarge', badDeviceToken: false }],
    ['given up', { ...RETRY, afterMs: SETTLE_CONTEXT.giveUpMs + 1 }],
  ] as [string, Outcome][])('of a push that was %s is gone, the target stays', async (_name, outcome) => {
    const { store, push } = await underWay();
    await settleOne(store, push, outcome);
    expect(await rowsOf(store, 'SELECT * FROM outbox')).toEqual([]);
    expect(await store.listTargets({})).toHaveLength(1);
  });

  test.each(['credential', 'topic'] as const)(
    'of a misconfiguration (%s) waits, the target stays',
    async (scope) => {
      const { store, push } = await underWay();
      await settleOne(store, push, { kind: 'misconfigured', reason: 'BadTopic', scope });
      expect(await outboxRow(store)).toMatchObject({ held_by: scope, last_reason: 'BadTopic' });
      expect(await store.listTargets({})).toHaveLength(1);
    },
  );
});

describe('what joined while the push was under way', () => {
  test('is a push of its own after the delivery, with a new apns-id', async () => {
    const { store, push } = await underWay([ALICES_INBOX, ALICES_ARCHIVE]);
    await enqueued(store, { mailboxes: [ALICES_ARCHIVE], nowMs: NOW_MS + 40, apnsId: 'second' });
    await settleOne(store, push, DELIVERED);
    expect(await waitingMailboxes(store)).toEqual(['alice:Archive']);
    expect(await outboxRow(store)).toMatchObject({
      apns_id: 'fresh',
      attempts: 0,
      due_ms: LATER_MS,
      enqueued_ms: NOW_MS + 40,
      event_ms: NOW_MS + 40,
      held_by: null,
      lease_owner: null,
    });
    const next = await claimedOne(store, { nowMs: LATER_MS });
    expect(next).toMatchObject({ apnsId: 'fresh', attempts: 1, mailboxes: [ALICES_ARCHIVE] });
    await settleOne(store, next, DELIVERED);
    expect(await rowsOf(store, 'SELECT * FROM outbox')).toEqual([]);
  });

  test('is a push of its own even in the same mailbox', async () => {
    const { store, push } = await underWay();
    await enqueued(store);
    await settleOne(store, push, DELIVERED);
    expect((await claimedOne(store, { nowMs: LATER_MS })).mailboxes).toMatchObject([ALICES_INBOX]);
  });

  test('goes along when the push is tried again', async () => {
    const { store, push } = await underWay();
    await enqueued(store, { mailboxes: [ALICES_ARCHIVE] });
    await settleOne(store, push, RETRY);
    expect(await outboxRow(store)).toMatchObject({ generation: 2, attempts: 1, held_by: 'apple' });
    expect(await waitingMailboxes(store)).toEqual(['alice:Archive', 'alice:INBOX']);
  });

  test('outlives a push that Apple refused, and one that was given up', async () => {
    for (const outcome of [BAD_TOKEN, { ...RETRY, afterMs: SETTLE_CONTEXT.giveUpMs + 1 } as Outcome]) {
      const { store, push } = await underWay();
      await enqueued(store, { mailboxes: [ALICES_ARCHIVE] });
      await settleOne(store, push, outcome);
      expect(await waitingMailboxes(store)).toEqual(['alice:Archive']);
    }
  });

  test('includes the mailboxes that found no place in the push', async () => {
    const store = testStore();
    await registered(store);
    await enqueued(store, { mailboxes: [ALICES_INBOX, ALICES_ARCHIVE] });
    const push = await claimedOne(store, { maxMailboxes: 1 });
    await settleOne(store, push, DELIVERED);
    const rest = await claimedOne(store, { nowMs: LATER_MS });
    expect(rest).toMatchObject({ apnsId: 'fresh', mailboxes: [ALICES_ARCHIVE] });
  });
});

describe('the target', () => {
  test('remembers the latest push, success and error', async () => {
    const { store, push } = await underWay();
    const at = (nowMs: number): Partial<SettleContext> => ({ nowMs });
    await settleOne(store, push, RETRY, at(1));
    await settleOne(store, push, RETRY, at(2));
    expect(await store.listTargets({})).toMatchObject([
      { lastPushMs: 2, lastSuccessMs: null, lastError: 'ServiceUnavailable', lastErrorMs: 2, failures: 2 },
    ]);
    await settleOne(store, push, DELIVERED, at(3));
    expect(await store.listTargets({})).toMatchObject([
      { lastPushMs: 3, lastSuccessMs: 3, lastError: 'ServiceUnavailable', lastErrorMs: 2, failures: 0 },
    ]);
  });

  test('is disabled after failing for long, when others got through, until it registers again', async () => {
    const { store, push } = await underWay();
    const REFUSED: Outcome = { kind: 'rejected', reason: 'Forbidden', badDeviceToken: false };
    const endMs = NOW_MS + SETTLE_CONTEXT.disableAfterMs;
    await settleOne(store, push, REFUSED, { nowMs: NOW_MS });
    await settleOne(store, { ...push, targetId: -1 }, DELIVERED, { nowMs: NOW_MS + 1 });
    await enqueued(store, { nowMs: endMs });
    const latest = await claimedOne(store, { nowMs: endMs });
    await enqueued(store, { mailboxes: [ALICES_ARCHIVE], nowMs: endMs });
    expect(await settleOne(store, latest, REFUSED, { nowMs: endMs })).toMatchObject({ disableTarget: true });
    expect(await store.listTargets({})).toMatchObject([{ failingSinceMs: NOW_MS, disabledMs: endMs }]);
    expect(await rowsOf(store, 'SELECT * FROM outbox')).toEqual([]);
    expect(await enqueued(store)).toEqual([]);
    await registered(store);
    expect(await enqueued(store)).toHaveLength(1);
  });

  test('is no longer failing after one success, and never by what is not its own', async () => {
    const { store, push } = await underWay();
    const failing = async (): Promise<unknown> => (await store.listTargets({}))[0]?.failingSinceMs;
    await settleOne(store, push, { ...RETRY, scope: 'connection' }, { nowMs: 1 });
    await settleOne(store, push, { kind: 'misconfigured', reason: 'BadTopic', scope: 'topic' }, { nowMs: 2 });
    expect(await failing()).toBeNull();
    await settleOne(store, push, RETRY, { nowMs: 3 });
    expect(await failing()).toBe(3);
    await settleOne(store, push, DELIVERED, { nowMs: 4 });
    expect(await failing()).toBeNull();
  });

  test('is removed where Apple knows it no more', async () => {
    const { store, push } = await underWay();
    expect(await settleOne(store, push, GONE)).toMatchObject({ removeTarget: true });
    for (const table of ['targets', 'subscriptions', 'outbox', 'outbox_mailboxes'])
      expect(await rowsOf(store, `SELECT * FROM ${table}`)).toEqual([]);
  });

  test('stays where it registered after its token had died', async () => {
    const { store, push } = await underWay();
    expect(await settleOne(store, push, { ...GONE, sinceMs: NOW_MS - 1 })).toMatchObject({
      removeTarget: false,
    });
    expect(await store.listTargets({})).toHaveLength(1);
    expect(await rowsOf(store, 'SELECT * FROM outbox')).toEqual([]);
  });

  test('stays where it registered while the push was under way', async () => {
    for (const outcome of [GONE, { ...GONE, sinceMs: undefined }]) {
      const { store, push } = await underWay();
      await registered(store, {}, { nowMs: NOW_MS + 1 });
      expect(await settleOne(store, push, outcome)).toMatchObject({ removeTarget: true });
      expect(await store.listTargets({})).toMatchObject([{ renewedMs: NOW_MS + 1 }]);
      expect(await rowsOf(store, 'SELECT * FROM outbox')).toEqual([]);
    }
  });

  test('that somebody removed meanwhile is no trouble', async () => {
    const { store, push } = await underWay();
    await store.write((sql) => sql('DELETE FROM targets').run());
    for (const outcome of [DELIVERED, RETRY, GONE]) await settleOne(store, push, outcome);
    expect(await rowsOf(store, 'SELECT * FROM outbox')).toEqual([]);
  });
});

describe('BadDeviceToken', () => {
  /** So many targets, with a push under way to each. */
  async function manyUnderWay(count: number): Promise<{ store: TestStore; pushes: ClaimedPush[] }> {
    const store = testStore();
    for (let n = 0; n < count; n += 1)
      await registered(store, { deviceToken: tokenNumber(n) }, { maxPerUser: count });
    await enqueued(store);
    return { store, pushes: await claimed(store) };
  }

  async function targetsLeft(store: TestStore): Promise<number> {
    return (await store.listTargets({})).length;
  }

  test('removes nothing before a push got through', async () => {
    const { store, pushes } = await manyUnderWay(3);
    for (const push of pushes) await settleOne(store, push, BAD_TOKEN);
    expect(await targetsLeft(store)).toBe(3);
    expect(await rowsOf(store, 'SELECT * FROM outbox')).toEqual([]);
  });

  test('removes after a success, so many in a row and then none until the next success', async () => {
    const count = MAX_BAD_TOKENS_IN_A_ROW + 6;
    const { store, pushes } = await manyUnderWay(count);
    const [first, second, ...others] = pushes as [ClaimedPush, ClaimedPush, ...ClaimedPush[]];
    await settleOne(store, first, DELIVERED);
    for (const push of others.slice(0, MAX_BAD_TOKENS_IN_A_ROW + 2)) await settleOne(store, push, BAD_TOKEN);
    expect(await targetsLeft(store)).toBe(count - MAX_BAD_TOKENS_IN_A_ROW);
    await settleOne(store, second, DELIVERED);
    await settleOne(store, others.at(-1) as ClaimedPush, BAD_TOKEN);
    expect(await targetsLeft(store)).toBe(count - MAX_BAD_TOKENS_IN_A_ROW - 1);
  });

  test('counts in the order of the answers where many are settled together', async () => {
    const { store, pushes } = await manyUnderWay(MAX_BAD_TOKENS_IN_A_ROW + 4);
    const attempts = pushes.map((push, index): Attempt => ({
      push,
      outcome: index === 1 ? DELIVERED : BAD_TOKEN,
      unprocessed: false,
      fingerprint: 'fingerprint',
    }));
    const settlements = await settle(store, attempts);
    const removed = settlements.map(({ removeTarget }) => removeTarget);
    const believed = Array.from({ length: MAX_BAD_TOKENS_IN_A_ROW }, () => true);
    expect(removed).toEqual([false, false, ...believed, false, false]);
    expect(await targetsLeft(store)).toBe(pushes.length - MAX_BAD_TOKENS_IN_A_ROW);
  });

  test('another server or another certificate counts apart', async () => {
    const { store, pushes } = await manyUnderWay(4);
    const [first, ...others] = pushes as [ClaimedPush, ...ClaimedPush[]];
    await settleOne(store, first, DELIVERED);
    await settleOne(store, others[0] as ClaimedPush, BAD_TOKEN, {
      server: 'https://api.sandbox.push.apple.com',
    });
    await settleOne(store, others[1] as ClaimedPush, BAD_TOKEN, {}, 'another');
    expect(await targetsLeft(store)).toBe(4);
    await settleOne(store, others[2] as ClaimedPush, BAD_TOKEN);
    expect(await targetsLeft(store)).toBe(3);
    expect(
      await rowsOf(store, 'SELECT * FROM credentials ORDER BY successes DESC, fingerprint, server'),
    ).toEqual([
      {
        fingerprint: 'fingerprint',
        server: SETTLE_CONTEXT.server,
        successes: 1,
        last_success_ms: LATER_MS,
        bad_tokens: 1,
        gone: 0,
        warned_ms: null,
      },
      expect.objectContaining({ fingerprint: 'another', successes: 0, bad_tokens: 1, last_success_ms: null }),
      expect.objectContaining({ server: 'https://api.sandbox.push.apple.com', successes: 0, bad_tokens: 1 }),
    ]);
  });

  test('other answers neither count nor end the row of them', async () => {
    const { store, pushes } = await manyUnderWay(3);
    await settleOne(store, pushes[0] as ClaimedPush, BAD_TOKEN);
    await settleOne(store, pushes[1] as ClaimedPush, RETRY);
    await settleOne(store, pushes[2] as ClaimedPush, {
      kind: 'rejected',
      reason: 'BadPath',
      badDeviceToken: false,
    });
    expect(await rowsOf(store, 'SELECT bad_tokens FROM credentials')).toEqual([{ bad_tokens: 1 }]);
  });
});

describe('a storm of 410', () => {
  test('removes a share of the devices, the others wait until a push gets through', async () => {
    const store = testStore();
    const count = MAX_GONE_IN_A_ROW + 5;
    for (let n = 0; n < count; n += 1)
      await registered(store, { deviceToken: tokenNumber(n) }, { maxPerUser: count });
    await enqueued(store);
    const pushes = await claimed(store);
    const attempts = pushes.map((push): Attempt => ({
      push,
      outcome: GONE,
      unprocessed: false,
      fingerprint: 'fingerprint',
    }));
    await settle(store, attempts.slice(0, -1));
    expect(await store.listTargets({})).toHaveLength(count - MAX_GONE_IN_A_ROW);
    expect(await rowsOf(store, `SELECT count(*) AS n FROM outbox WHERE held_by = 'gone'`)).toEqual([
      { n: 4 },
    ]);
    await settleOne(store, pushes.at(-1) as ClaimedPush, DELIVERED);
    await store.write((sql) => wakeIn(sql, LATER_MS, { limit: 10, all: false }));
    expect(
      await rowsOf(
        store,
        `SELECT count(*) AS n FROM outbox WHERE held_by = 'gone' AND due_ms <= ${LATER_MS}`,
      ),
    ).toEqual([{ n: 4 }]);
    const again = await claimed(store, { nowMs: LATER_MS });
    await settle(
      store,
      again.map((push) => ({ push, outcome: GONE, unprocessed: false, fingerprint: 'fingerprint' })),
    );
    expect(await store.listTargets({})).toHaveLength(1);
  });

  test.each([2, 3, 5])('never takes the last of %i devices, in one turn or in several', async (count) => {
    for (const areTogether of [true, false]) {
      const store = testStore();
      for (let n = 0; n < count; n += 1) await registered(store, { deviceToken: tokenNumber(n) });
      await enqueued(store);
      const attempts = (await claimed(store)).map((push): Attempt => ({
        ...{ push, outcome: GONE, unprocessed: false, fingerprint: 'fingerprint' },
      }));
      for (const turn of areTogether ? [attempts] : attempts.map((one) => [one])) await settle(store, turn);
      expect(await store.listTargets({})).toHaveLength(1);
      expect(await rowsOf(store, 'SELECT held_by FROM outbox')).toEqual([{ held_by: 'gone' }]);
    }
  });

  test('takes the only device that there is', async () => {
    const store = testStore();
    await registered(store);
    await enqueued(store);
    const [push] = await claimed(store);
    await settleOne(store, push as ClaimedPush, GONE);
    expect(await store.listTargets({})).toEqual([]);
  });
});

describe('a lease that was lost', () => {
  test.each([
    ['delivered', DELIVERED],
    ['to be tried again', RETRY],
    ['refused', BAD_TOKEN],
  ] as [string, Outcome][])('leaves the row to its new owner: %s', async (_name, outcome) => {
    const { store, push } = await underWay();
    const nowMs = NOW_MS + LEASE_MS;
    await claimed(store, { owner: 'two', nowMs });
    const before = await outboxRow(store);
    await settleOne(store, push, outcome, { nowMs });
    expect(await outboxRow(store)).toEqual(before);
    expect(await waitingMailboxes(store)).toEqual(['alice:INBOX']);
  });

  test('does not swallow an event that came after the new owner delivered', async () => {
    const { store, push } = await underWay();
    const nowMs = NOW_MS + LEASE_MS;
    const other = await claimedOne(store, { owner: 'two', nowMs });
    await settleOne(store, other, DELIVERED, { owner: 'two', nowMs });
    await enqueued(store, { nowMs: nowMs + 1, apnsId: 'second' });
    await settleOne(store, push, DELIVERED, { nowMs: nowMs + 2 });
    expect(await claimed(store, { nowMs: nowMs + 3 })).toMatchObject([
      { apnsId: 'second', mailboxes: [ALICES_INBOX] },
    ]);
  });
});

test('attempts are settled all or none', async () => {
  const store = testStore();
  for (let n = 0; n < 2; n += 1) await registered(store, { deviceToken: tokenNumber(n) });
  await enqueued(store);
  const pushes = await claimed(store);
  let calls = 0;
  const context: SettleContext = {
    ...SETTLE_CONTEXT,
    random: () => {
      calls += 1;
      if (calls > 1) throw new Error('a bug');
      return 0.5;
    },
  };
  const attempts = pushes.map((push): Attempt => ({
    push,
    outcome: DELIVERED,
    unprocessed: false,
    fingerprint: 'fingerprint',
  }));
  await expect(settle(store, attempts, context)).rejects.toThrow('a bug');
  expect(await rowsOf(store, 'SELECT apns_id FROM outbox')).toEqual([
    { apns_id: 'first' },
    { apns_id: 'first' },
  ]);
  expect(await store.listTargets({})).toMatchObject([{ lastPushMs: null }, { lastPushMs: null }]);
});
