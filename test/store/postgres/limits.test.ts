import { randomBytes, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, afterEach, expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { drainSpool } from '../../../src/intake/drain-spool.ts';
import { createIntake } from '../../../src/intake/intake.ts';
import { writeSpool } from '../../../src/spool/spool.ts';
import { type Database, openDatabase } from '../../../src/store/postgres/database.ts';
import { postgresStore } from '../../../src/store/postgres/store.ts';
import type { Store } from '../../../src/store/store.ts';
import { PATIENT } from '../../support/postgres-store.ts';
import { tryWriting } from '../../../src/store/postgres/summary.ts';
import { createTestClock } from '../../support/clock.ts';
import { messageNew, registration, tokenNumber } from '../../support/events.ts';
import { describeWith } from '../../support/needs.ts';
import { type Postgres, startPostgres } from '../../support/postgres.ts';
import { postgresAvailability } from '../../support/postgres-installation.ts';
import { recordedLog } from '../../support/recorded-log.ts';
import { newTarget, NOW_MS, temporaryFolder } from '../../support/store.ts';

const SOON = { create: true, patience: { connectMs: 10_000, statementMs: 500 }, connections: 3 };

describeWith('PostgreSQL', postgresAvailability(), 'a PostgreSQL that others work in', () => {
  let postgres: Postgres;
  let url: string;
  let database: Database;
  let store: Store;
  let other: pg.Client;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    url = await postgres.database();
    database = openDatabase({ url }, SOON);
    store = postgresStore(database);
    other = new pg.Client(url);
    await other.connect();
  });
  afterEach(async () => {
    store.close();
    await other.end();
  });

  const withUsers = async (...users: string[]): Promise<void> => {
    for (const [n, user] of users.entries()) {
      const subscriptions = [{ owner: user, path: 'INBOX', name: 'INBOX', hash: undefined }];
      const target = newTarget({ user, subscriptions, deviceToken: tokenNumber(n) });
      await store.register(target, { nowMs: NOW_MS, maxPerUser: 9 });
    }
  };
  const mailTo = async (owner: string, path = 'INBOX'): Promise<number> => {
    const timing = { throttleMs: 0, housekeepingDelayMs: 0 };
    const mailboxes = [{ owner, path }];
    const request = { event: 'MessageNew' as const, mailboxes, nowMs: NOW_MS, newApnsId: randomUUID, timing };
    return (await store.enqueue(request)).targetIds.length;
  };

  test('that hold a row: statements on it end on the server too, and others are told meanwhile', async () => {
    await withUsers('alice', 'bob');
    await mailTo('alice');
    await other.query('BEGIN; SELECT 1 FROM xapplepush.outbox FOR UPDATE');
    for (let n = 0; n < 5; n += 1)
      expect(await mailTo('alice').catch((error: unknown) => error)).toMatchObject({ busy: true });
    const held = mailTo('alice').catch((error: unknown) => error);
    await new Promise(setImmediate); // in a statement of its own
    expect(await mailTo('bob')).toBe(1);
    expect(await held).toMatchObject({ name: 'StoreError', busy: true });
    expect((await backends()).length).toBeLessThanOrEqual(SOON.connections);
    expect((await backends()).filter(({ state }) => state === 'active')).toEqual([]);
    await other.query('ROLLBACK');
    expect(await mailTo('alice')).toBe(1);
  });

  test('that hold a row for long are told of by whoever only looks, soon', async () => {
    const looking = openDatabase({ url }, PATIENT);
    onTestFinished(looking.close);
    await tryWriting(looking);
    await other.query('BEGIN; SELECT 1 FROM xapplepush.deliverer FOR UPDATE');
    await expect(tryWriting(looking)).rejects.toMatchObject({
      busy: true,
      message: expect.stringContaining('55P03') as string,
    });
    await other.query('ROLLBACK');
    await tryWriting(looking);
  });

  test('keeps of a registration the mailboxes that an index takes', async () => {
    const paths = ['INBOX', random(2595), random(2596), random(4096)];
    const subscriptions = paths.map((path) => ({ owner: 'alice', path, name: path, hash: 'h' }));
    const { leftOut } = await store.register(newTarget({ subscriptions }), { nowMs: NOW_MS, maxPerUser: 9 });
    expect(leftOut).toBe(2);
    expect((await store.subscribed(subscriptions)).length).toBe(2);
    expect(await mailTo('alice', random(4096))).toBe(0);
    expect(await mailTo('alice', paths[1])).toBe(1);
  });

  test('sets an event of the spool aside that it can never hold, and takes what comes after it', async () => {
    await withUsers('bob');
    const folder = temporaryFolder();
    const spool = join(folder, 'spool');
    writeSpool(spool, Buffer.from(registration()), NOW_MS);
    writeSpool(spool, Buffer.from(messageNew('bob')), NOW_MS + 1);
    await other.query('ALTER TABLE xapplepush.targets ADD CHECK (user_name = $$bob$$)'); // 23514
    writeFileSync(join(folder, 'config.yaml'), `imapd_conf: ${folder}/imapd.conf\n`);
    writeFileSync(join(folder, 'imapd.conf'), '');
    const config = loadConfig(join(folder, 'config.yaml'), {});
    const clock = createTestClock(NOW_MS + 2);
    const intake = createIntake({
      config,
      clock,
      log: recordedLog(),
      store: () => store,
      newApnsId: randomUUID,
    });
    expect(await drainSpool(spool, intake, clock)).toEqual({ taken: 1, bad: 1, stuck: false });
    expect((await store.countRows()).waiting).toBe(1);
  });

  const backends = async (): Promise<{ state: string }[]> =>
    (
      await other.query<{ state: string }>(
        `SELECT state FROM pg_stat_activity WHERE application_name = 'xapplepush' AND datname = current_database()`,
      )
    ).rows;
});

/** What no compression makes shorter. */
function random(length: number): string {
  return randomBytes(length).toString('base64url').slice(0, length);
}
