import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Outcome } from '../../../src/outbox/outcome.ts';
import type { ClaimedPush, Attempt } from '../../../src/outbox/attempt.ts';
import { tokenNumber } from '../../support/events.ts';
import { settle } from '../../support/settling.ts';
import {
  claimed,
  enqueued,
  LEASE_MS,
  NOW_MS,
  registered,
  rowsOf,
  subscription,
  testStore,
  type TestStore,
  emptied,
} from '../../support/store.ts';

const DELIVERED: Outcome = { kind: 'delivered' };
const GONE: Outcome = { kind: 'gone', reason: 'Unregistered', sinceMs: NOW_MS };
const OTHERS: readonly Outcome[] = [
  { kind: 'retry', reason: 'ServiceUnavailable', scope: 'apple', reconnect: false },
  { kind: 'rejected', reason: 'BadDeviceToken', badDeviceToken: true },
  { kind: 'rejected', reason: 'Forbidden', badDeviceToken: false },
  GONE,
];

/** What became of a row while its push was under way. */
const MEANWHILE = {
  nothing: () => Promise.resolve(),
  joinedBySame: (store: TestStore, n: number) => event(store, n, 'INBOX'),
  joinedByOther: (store: TestStore, n: number) => event(store, n, 'Drafts'),
  takenOver: (store: TestStore, n: number) =>
    store.write((sql) => sql("UPDATE outbox SET lease_owner = 'two' WHERE target_id = ?").run(n + 1)),
  targetRemoved: (store: TestStore, n: number) =>
    store.write((sql) => sql('DELETE FROM targets WHERE id = ?').run(n + 1)),
} satisfies Record<string, (store: TestStore, n: number) => Promise<unknown>>;

const device = fc.record({
  /** Before it is claimed. */
  events: fc.array(fc.constantFrom('INBOX', 'Archive'), { minLength: 1, maxLength: 2 }),
  /** After them, still before: the row has a mailbox that the push does not tell. */
  dropsArchive: fc.boolean(),
  meanwhile: fc.constantFrom(...(Object.keys(MEANWHILE) as (keyof typeof MEANWHILE)[])),
});
const scene = fc.record({
  devices: fc.array(device, { minLength: 1, maxLength: 5 }),
  maxMailboxes: fc.constantFrom(1, 100),
  again: fc.boolean(),
});
type Scene = typeof scene extends fc.Arbitrary<infer T> ? T : never;

const outcome = fc.oneof(
  { weight: 5, arbitrary: fc.constant(DELIVERED) },
  { weight: 1, arbitrary: fc.constantFrom(...OTHERS) },
  { weight: 2, arbitrary: fc.constant(GONE) },
);
const outcomes = fc.array(fc.tuple(fc.nat(), outcome), { minLength: 1, maxLength: 12 });

/** Removed once, however often Apple says it: the second device is still one of two. */
const UNTOUCHED: Scene['devices'][number] = { events: ['INBOX'], dropsArchive: false, meanwhile: 'nothing' };
const THREE_DEVICES: Scene = {
  devices: [UNTOUCHED, UNTOUCHED, UNTOUCHED],
  maxMailboxes: 1,
  again: false,
};
const ONE_GONE_TWICE: [number, Outcome][] = [
  [0, GONE],
  [0, GONE],
  [1, GONE],
  [1, DELIVERED],
];

function event(store: TestStore, n: number, path: string): Promise<unknown> {
  return enqueued(store, { mailboxes: [{ owner: `user${n}`, path }], nowMs: NOW_MS + 50 });
}

/** The pushes to the devices, under way, and what has become of their rows since; at last leased anew, or not. */
async function underWay(store: TestStore, { devices, maxMailboxes, again }: Scene): Promise<ClaimedPush[]> {
  for (const [n, { events, dropsArchive }] of devices.entries()) {
    await subscribe(store, n, ['INBOX', 'Archive', 'Drafts']);
    for (const path of events) await event(store, n, path);
    if (dropsArchive) await subscribe(store, n, ['INBOX', 'Drafts']);
  }
  const pushes = await claimed(store, { nowMs: NOW_MS + 60, maxMailboxes });
  for (const [n, { meanwhile }] of devices.entries()) await MEANWHILE[meanwhile](store, n);
  return again ? [...pushes, ...(await claimed(store, { nowMs: NOW_MS + 60 + LEASE_MS }))] : pushes;
}

async function subscribe(store: TestStore, n: number, paths: readonly string[]): Promise<void> {
  const user = `user${n}`;
  const subscriptions = paths.map((path) => subscription(path, user));
  await registered(store, { user, deviceToken: tokenNumber(n), subscriptions });
}

async function everything(store: TestStore): Promise<unknown> {
  const tables = ['targets', 'outbox', 'outbox_mailboxes', 'credentials'];
  return Promise.all(tables.map((table) => rowsOf(store, `SELECT * FROM ${table} ORDER BY 1, 2, 3`)));
}

test('many attempts settled together end as each of them alone, in their order', async () => {
  const [together, alone] = [testStore(), testStore()];
  await fc.assert(
    fc.asyncProperty(scene, outcomes, async (before, ends) => {
      for (const store of [together, alone]) await emptied(store);
      const pushes = await underWay(together, before);
      expect(await underWay(alone, before)).toEqual(pushes);
      fc.pre(pushes.length > 0);
      const attempts = ends.map(([choice, outcome]): Attempt => ({
        push: pushes[choice % pushes.length] as ClaimedPush,
        outcome,
        unprocessed: false,
        fingerprint: 'fingerprint',
      }));
      const settlements = await settle(together, attempts);
      for (const [index, attempt] of attempts.entries())
        expect(await settle(alone, [attempt])).toEqual([settlements[index]]);
      expect(await everything(together)).toEqual(await everything(alone));
    }),
    { numRuns: 150, examples: [[THREE_DEVICES, ONE_GONE_TWICE]] },
  );
}, 180_000);
