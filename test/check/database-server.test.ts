import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { judgeServer } from '../../src/check/database-server.ts';
import type { Point } from '../../src/check/point.ts';
import { checkDatabase } from '../../src/check/store.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import type { Survey } from '../../src/store/survey.ts';
import { describeWith } from '../support/needs.ts';
import { PASSWORD, type Postgres, startPostgres } from '../support/postgres.ts';
import { postgresAvailability } from '../support/postgres-installation.ts';
import { temporaryFolder } from '../support/store.ts';

const WELL: Survey = {
  ...{ version: '15.13', encoding: 'UTF8', closed: [], mayChange: true, clockAheadMs: 0, isDurable: true },
  ...{ oldestTransactionMs: 0, seesOthers: true, connectionsLeft: 80, deadRows: 0, bytes: 1_234_567 },
};

test.each<[Point['state'], Partial<Survey>, RegExp]>([
  ['ok', {}, /^db, PostgreSQL 15\.13, 1\.2 MB$/],
  ['ok', { seesOthers: false }, /; of the transactions of others nothing is seen$/],
  ['ok', { oldestTransactionMs: 299_999, deadRows: 199_999, connectionsLeft: 9 }, /MB$/],
  ['problem', { closed: ['history', 'outbox'] }, /: this user may not read and write history, outbox$/],
  ['warning', { version: '14.9' }, /: older than 15$/],
  ['warning', { encoding: 'LATIN1' }, /: its encoding is LATIN1$/],
  ['warning', { isDurable: false }, /: what it has taken may be lost in a power cut$/],
  ['warning', { clockAheadMs: 61_000 }, /: its clock is 61 seconds ahead of this one$/],
  ['warning', { clockAheadMs: -3_600_000 * 3 }, /: its clock is 3 hours behind this one$/],
  ['warning', { oldestTransactionMs: 300_000 }, /: a transaction has been open for 5 minutes, which/],
  ['warning', { deadRows: 200_000 }, /: 200000 rows wait to be tidied up, which/],
  ['warning', { connectionsLeft: 8 }, /: it has room for 8 more connections, and a serve has up to 9$/],
  ['warning', { mayChange: false }, /: this user may not change the schema/],
])('a server is judged: %s, %j', (state, changes, text) => {
  const point = judgeServer('database', 'db', { ...WELL, ...changes });
  expect(point).toMatchObject({ state, text: expect.stringMatching(text) as string });
  expect(point.fix === null).toBe(state === 'ok');
});

describeWith('PostgreSQL', postgresAvailability(), 'a PostgreSQL is looked at', () => {
  let postgres: Postgres;
  let url: string;
  beforeAll(async () => {
    postgres = await startPostgres();
    url = await postgres.database();
    const store = openPostgres({ url }, { create: true });
    await store.countRows();
    store.close();
  });
  afterAll(() => postgres.stop());

  /** As that user sees it, by the loopback, with the password of the tests. */
  const seenBy = async (user: string, database = url): Promise<Point> => {
    const name = new URL(database).pathname;
    const passwordFile = join(temporaryFolder(), 'password');
    writeFileSync(passwordFile, PASSWORD);
    const address = `postgresql://${user}@127.0.0.1:${postgres.port}${name}?sslmode=disable`;
    const config = { store: '/nonexistent/x.db', postgres: { url: address, passwordFile } };
    const { store, point } = await checkDatabase(config);
    store?.close();
    return point;
  };
  const runAll = async (...texts: string[]): Promise<void> => {
    for (const text of texts) await postgres.run(text, url);
  };

  test('with its version, its room, and that a power cut would take something from it', async () => {
    expect(await seenBy('postgres')).toMatchObject({
      state: 'warning',
      text: expect.stringMatching(
        /, version \d+, PostgreSQL \d\d.*: what it has taken may be lost/,
      ) as string,
    });
    const store = openPostgres({ url }, { create: false });
    onTestFinished(() => store.close());
    const survey = await store.survey!();
    expect(survey).toMatchObject({ closed: [], mayChange: true, seesOthers: true, encoding: 'UTF8' });
    expect(survey.bytes).toBeGreaterThan(100_000);
    expect(survey.connectionsLeft).toBeGreaterThan(40);
    expect(survey.connectionsLeft).toBeLessThan(57);
  });

  test('with the oldest transaction in it, and the rows that it keeps', async () => {
    const other = new pg.Client(url);
    await other.connect();
    onTestFinished(() => other.end());
    await other.query('BEGIN; SELECT 1 FROM xapplepush.targets');
    await runAll(
      'INSERT INTO xapplepush.hosts SELECT n, n, 1, 0, 0, 0, 0 FROM generate_series(1, 500) n',
      'UPDATE xapplepush.hosts SET seen_ms = 1',
    );
    const store = openPostgres({ url }, { create: false });
    onTestFinished(() => store.close());
    await new Promise((resolve) => setTimeout(resolve, 1100)); // statistics are told after a second at the soonest
    const survey = await store.survey!();
    expect(survey.oldestTransactionMs).toBeGreaterThanOrEqual(1000);
    expect(survey.deadRows).toBeGreaterThanOrEqual(500);
  });

  test('with what its user may do there', async () => {
    await runAll(
      `CREATE ROLE guest LOGIN PASSWORD '${PASSWORD}'`,
      'GRANT USAGE ON SCHEMA xapplepush TO guest',
      'GRANT ALL ON ALL TABLES IN SCHEMA xapplepush TO guest',
      'REVOKE UPDATE ON xapplepush.outbox, xapplepush.history FROM guest',
    );
    expect(await seenBy('guest')).toMatchObject({
      state: 'problem',
      text: expect.stringMatching(/: this user may not read and write history, outbox$/) as string,
    });
    await runAll('REVOKE ALL ON xapplepush.deliverer FROM guest');
    expect(await seenBy('guest')).toMatchObject({
      state: 'problem',
      text: expect.stringMatching(/42501/) as string,
    });
    await runAll('REVOKE ALL ON SCHEMA xapplepush FROM guest');
    expect((await seenBy('guest')).text).toMatch(/does not let this user do what is needed \(42501/);
    expect((await seenBy('nobody')).text).toMatch(/does not let this user in/);
  });

  test('where it is not, or is none of ours', async () => {
    expect((await seenBy('postgres', 'postgresql:///nothing')).text).toMatch(/^there is no database/);
    expect((await seenBy('postgres', await postgres.database())).text).toMatch(
      /has no schema xapplepush yet/,
    );
    await runAll("INSERT INTO xapplepush.migrations VALUES (999, 0, 'newer')");
    expect((await seenBy('postgres')).text).toMatch(/has version 999; this program knows versions up to/);
    await postgres.halt();
    expect(await seenBy('postgres')).toMatchObject({
      state: 'problem',
      text: expect.stringMatching(/cannot be reached/) as string,
    });
  });
});
