import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openPostgres } from '../../../src/store/postgres/open.ts';
import type { Store } from '../../../src/store/store.ts';
import { eventually } from '../../support/command.ts';
import { describeWith } from '../../support/needs.ts';
import { pgbouncerAvailability, startPgbouncer } from '../../support/pgbouncer.ts';
import { type Postgres, startPostgres } from '../../support/postgres.ts';
import { settle, SETTLE_CONTEXT } from '../../support/settling.ts';
import { claimed, enqueued, NOW_MS } from '../../support/store.ts';
import { attempt, DELIVERED, withPhone } from '../contract/scene.ts';

/** As docs/cluster.md says it: what a PgBouncer leaves out of the start of a connection. */
const LIMITS = `ALTER ROLE postgres SET enable_seqscan = off; ALTER ROLE postgres SET jit = off;
  ALTER ROLE postgres SET lock_timeout = '5s'; ALTER ROLE postgres SET idle_in_transaction_session_timeout = '10s'`;

const USERS = 30;

describeWith(
  'PostgreSQL and PgBouncer',
  pgbouncerAvailability(),
  'behind a PgBouncer in transaction mode',
  () => {
    let postgres: Postgres;
    let direct: string;
    let through: string;
    beforeAll(async () => {
      postgres = await startPostgres();
      await postgres.run(LIMITS);
      direct = await postgres.database();
      through = await newThrough();
    });
    afterAll(async () => {
      for (const stop of stopping) await stop();
      await postgres.stop();
    });
    const stopping: (() => Promise<void>)[] = [];
    const newThrough = async (): Promise<string> => {
      const { urlOf, stop } = await startPgbouncer(postgres, 2);
      stopping.push(stop);
      return urlOf(/\/\/\/(\w+)/.exec(direct)?.[1] ?? '');
    };
    const open = (url: string): Store => {
      const store = openPostgres({ url }, { create: true, batched: true });
      onTestFinished(() => store.close());
      return store;
    };
    const each = <T>(run: (user: number) => Promise<T>): Promise<T[]> =>
      Promise.all(Array.from({ length: USERS }, (_, user) => run(user)));

    test('two hosts with eight connections each share two of the server’s, and tell each device once', async () => {
      const stores = [open(through), open(through)];
      const of = (n: number): Store => stores[n % 2]!;
      await each((user) => withPhone(of(user), user));
      for (let times = 0; times < 3; times += 1)
        await each((user) => enqueued(of(user + times), { mailboxes: inboxOf(user) }));
      const shares = await Promise.all(
        stores.map(async (store, n) => {
          const pushes = await claimed(store, { owner: `${n}`, limit: USERS });
          const attempts = pushes.map((push) => attempt(push, DELIVERED));
          await settle(store, attempts, { ...SETTLE_CONTEXT, owner: `${n}` });
          return pushes.map(({ targetId }) => targetId);
        }),
      );
      expect(new Set(shares.flat()).size).toBe(USERS);
      expect(shares.flat()).toHaveLength(USERS);
      expect((await stores[0]!.countRows()).waiting).toBe(0);
      const used = `SELECT 1 FROM pg_stat_activity WHERE application_name = 'xapplepush'`;
      expect((await postgres.run(used)).length).toBeLessThanOrEqual(2);
    });

    test('what one transaction gave up for speed is no other’s', async () => {
      const store = open(through);
      await each((user) => claimed(store, { owner: `${user}` })); // without waiting for the disk
      const ask = (): Promise<unknown[]> => postgres.run('SHOW synchronous_commit', through);
      for (let n = 0; n < 4; n += 1) expect(await ask()).toEqual([{ synchronous_commit: 'on' }]);
    });

    test('a device that registers past it a moment ago is told', async () => {
      const [here, there] = [open(through), open(direct)];
      await withPhone(there, 100);
      for (let n = 0; n < 5; n += 1) {
        await enqueued(here, { mailboxes: inboxOf(999) }); // the first asks who has devices
        await pause(20);
      }
      await withPhone(there, 101);
      expect(await enqueued(here, { mailboxes: inboxOf(101) })).toHaveLength(1);
    });

    test('whoever listens hears nothing of others, and looks again', async () => {
      const [here, there] = [open(through), open(direct)];
      let heard = 0;
      onTestFinished(here.listen!(() => (heard += 1)));
      await eventually(
        () => heard,
        (times) => times === 1,
      );
      await withPhone(there, 102);
      await enqueued(there, { mailboxes: inboxOf(102) });
      await pause(100);
      expect(heard).toBe(1);
      expect(await here.nextDueMs()).toBe(NOW_MS);
    });

    test('a row that somebody holds is given up by the server', async () => {
      const store = open(through);
      await withPhone(store, 103);
      await postgres.run(`ALTER ROLE postgres SET lock_timeout = '200ms'`);
      const limited = open(await newThrough()); // its connections have what the role has now
      const held = postgres.run('BEGIN; LOCK TABLE xapplepush.outbox; SELECT pg_sleep(1); ROLLBACK', direct);
      await pause(200);
      await expect(enqueued(limited, { mailboxes: inboxOf(103) })).rejects.toMatchObject({ busy: true });
      await held;
      expect(await enqueued(limited, { mailboxes: inboxOf(103) })).toHaveLength(1);
    });
  },
);

function inboxOf(user: number): { owner: string; path: string }[] {
  return [{ owner: `user${user}`, path: 'INBOX' }];
}
