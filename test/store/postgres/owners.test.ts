import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../../src/store/postgres/database.ts';
import { createEnqueueing } from '../../../src/store/postgres/enqueue.ts';
import { gathered } from '../../../src/store/postgres/gathering.ts';
import { createOwners } from '../../../src/store/postgres/owners.ts';
import { compact } from '../../../src/store/postgres/room.ts';
import { MIGRATIONS } from '../../../src/store/postgres/schema.ts';
import { postgresStore } from '../../../src/store/postgres/store.ts';
import type { Store } from '../../../src/store/store.ts';
import { createTestClock } from '../../support/clock.ts';
import { eventually } from '../../support/command.ts';
import { describeWith } from '../../support/needs.ts';
import { type Postgres, startPostgres } from '../../support/postgres.ts';
import { postgresAvailability } from '../../support/postgres-installation.ts';
import { empty, PATIENT } from '../../support/postgres-store.ts';
import { NOW_MS } from '../../support/store.ts';
import { withPhone } from '../contract/scene.ts';

describeWith(
  'PostgreSQL',
  postgresAvailability(),
  'events for nobody, on a host that knows who has devices',
  () => {
    let postgres: Postgres;
    let url: string;
    let databases: Database[];
    let enqueue: Store['enqueue'];
    let there: Store;
    let lookUps: number;
    let counts: number; // of owners
    let reads: number;
    beforeAll(async () => {
      postgres = await startPostgres();
      url = await postgres.database();
      databases = [openDatabase({ url }, PATIENT), openDatabase({ url }, PATIENT)];
      there = postgresStore(databases[1]!);
    });
    afterAll(async () => {
      for (const { close } of databases) close();
      await postgres.stop();
    });
    beforeEach(async () => {
      [lookUps, counts, reads] = [0, 0, 0];
      await empty(databases[1]!);
      await run('TRUNCATE xapplepush.owners');
      const database = counting(databases[0]!);
      enqueue = gathered(createEnqueueing(database, createOwners(database, { intervals: QUICK })));
      await withPhone(there, 1);
    });

    /** Counts the statements that look for devices. */
    const counting = (database: Database): Database => ({
      ...database,
      ask: (body) =>
        database.ask((sql) =>
          body({
            ...sql,
            rows: (text, values) => {
              if (text.includes('JOIN xapplepush.subscriptions')) lookUps += 1;
              return sql.rows(text, values);
            },
            row: (text, values) => {
              if (text.includes('FROM xapplepush.owners LIMIT'))
                if (text.includes('count(*)')) counts += 1;
                else reads += 1;
              return sql.row(text, values);
            },
          }),
        ),
    });
    const mailTo = async (...users: number[]): Promise<number[]> => {
      const timing = { throttleMs: 0, housekeepingDelayMs: 0 };
      const told = await Promise.all(
        users.map((user) => {
          const mailboxes = [{ owner: `user${user}`, path: 'INBOX' }];
          return enqueue({
            event: 'MessageNew',
            mailboxes,
            nowMs: NOW_MS,
            newApnsId: randomUUID,
            timing,
          });
        }),
      );
      return told.map(({ targetIds }) => targetIds.length);
    };
    const isLookedUp = async (user: number): Promise<boolean> => {
      const before = lookUps;
      expect(await mailTo(user)).toEqual([0]);
      return lookUps > before;
    };
    /** From then on nothing is looked up for a user who has no device. */
    const knowing = (): Promise<boolean> =>
      eventually(
        () => isLookedUp(9),
        (wasLookedUp) => !wasLookedUp,
      );
    const run = (text: string): Promise<unknown[]> => postgres.run(text, url);

    test('are not looked up, others are, also among them', async () => {
      await knowing();
      const before = lookUps;
      expect(await mailTo(7, 8, 9)).toEqual([0, 0, 0]);
      expect(lookUps).toBe(before);
      expect(await mailTo(7, 1, 9)).toEqual([0, 1, 0]);
      expect(lookUps).toBe(before + 1);
    });

    test('a device that has registered on another host is told, though nothing was heard of it', async () => {
      await knowing();
      for (const user of [2, 3, 4]) {
        await withPhone(there, user);
        expect(await mailTo(9, user)).toEqual([0, 1]);
      }
      await knowing(); // who has come since is known, too
      expect(await mailTo(2)).toEqual([1]);
    });

    test('so is one whose registration was under way while the host learned who has devices', async () => {
      const other = new pg.Client(url);
      await other.connect();
      await other.query('BEGIN');
      await registerBy((text) => other.query(text), 2);
      await knowing();
      expect(await isLookedUp(2)).toBe(false);
      await other.query('COMMIT');
      await other.end();
      expect(await mailTo(2)).toEqual([1]);
    });

    test('and one of a user whose last device is removed meanwhile', async () => {
      await withPhone(there, 2);
      await knowing();
      const other = new pg.Client(url);
      await other.connect();
      await other.query('BEGIN');
      await registerBy((text) => other.query(text), 2, 'another');
      await run(`DELETE FROM xapplepush.targets WHERE user_name = 'user2'`);
      expect(await compact(databases[1]!, 100)).toMatchObject({ areOwnersLeft: true });
      await other.query('COMMIT');
      await other.end();
      expect(await mailTo(2)).toEqual([1]);
    });

    test('and one that registers when its user has been forgotten', async () => {
      const { id } = await withPhone(there, 2);
      await there.removeTargets([id], {});
      await there.compact(createTestClock(NOW_MS));
      expect(await run('SELECT owner FROM xapplepush.owners')).toEqual([{ owner: 'user1' }]);
      await knowing();
      expect(await isLookedUp(2)).toBe(false);
      await withPhone(there, 2);
      expect(await mailTo(2)).toEqual([1]);
    });

    test('and one after a failover to a server that had not heard that its user was forgotten', async () => {
      const edition = (): Promise<unknown[]> => run('SELECT edition FROM xapplepush.owners_edition');
      const { id } = await withPhone(there, 2);
      const [before] = (await edition()) as { edition: string }[];
      await compact(databases[1]!);
      expect(await edition()).toEqual([before]); // nobody was forgotten
      await there.removeTargets([id], {});
      expect(await compact(databases[1]!)).not.toHaveProperty('areOwnersLeft');
      await knowing();
      expect(await isLookedUp(2)).toBe(false);
      await run(`INSERT INTO xapplepush.owners VALUES ('user2')`);
      await run(`UPDATE xapplepush.owners_edition SET edition = '${before?.edition}'`);
      await registerBy(run, 2);
      expect(await mailTo(2)).toEqual([1]);
    });

    test('and one on a host whose every connection was cut', async () => {
      await knowing();
      await run(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE pid <> pg_backend_pid() AND datname = current_database()`);
      await registerBy(run, 2);
      expect(await mailTo(9, 2)).toEqual([0, 1]);
    });

    test('where there are too many to know, all are looked up', async () => {
      await withPhone(there, 2);
      const database = counting(databases[0]!);
      enqueue = gathered(createEnqueueing(database, createOwners(database, { intervals: QUICK, most: 1 })));
      for (let n = 0; n < 3; n += 1) expect(await isLookedUp(9)).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(await isLookedUp(9)).toBe(true);
      expect([counts, reads]).toEqual([1, 0]); // and not again for long
    });

    test('and one after the database was replaced by another that knows as many', async () => {
      await knowing();
      await run('DROP SCHEMA xapplepush CASCADE');
      for (const text of MIGRATIONS) await run(text);
      await run(`INSERT INTO xapplepush.migrations VALUES (${MIGRATIONS.length}, 0, '1')`);
      await registerBy(run, 2);
      expect(await mailTo(1, 2)).toEqual([0, 1]);
    });
  },
);

const QUICK = { usualMs: 20, ofManyMs: 20, ofTooManyMs: 3_600_000 };

/** As a program of the version before does it. */
async function registerBy(
  run: (text: string) => Promise<unknown>,
  user: number,
  token = 'aa',
): Promise<void> {
  await run(`INSERT INTO xapplepush.targets (user_name, device_token, account_id, subtopic, aps_version,
      topic, source, registered_ms, renewed_ms)
    VALUES ('user${user}', '${token}', 'account', 'subtopic', 2, 'topic', 'cyrus', 0, 0)`);
  await run(`INSERT INTO xapplepush.subscriptions SELECT id, 'user${user}', 'INBOX', 'INBOX', NULL
    FROM xapplepush.targets WHERE user_name = 'user${user}' AND device_token = '${token}'`);
}
