import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Database, openDatabase } from '../../../src/store/postgres/database.ts';
import { MIGRATIONS } from '../../../src/store/postgres/schema.ts';
import { schemaVersion } from '../../../src/store/postgres/summary.ts';
import { eventually } from '../../support/command.ts';
import { describeWith } from '../../support/needs.ts';
import { type Postgres, startPostgres } from '../../support/postgres.ts';
import { postgresAvailability } from '../../support/postgres-installation.ts';
import { PATIENT } from '../../support/postgres-store.ts';

describeWith('PostgreSQL', postgresAvailability(), 'a schema that is brought up to date', () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.stop());

  const databaseOf = async (version: number): Promise<string> => {
    const url = await postgres.database();
    for (const text of MIGRATIONS.slice(0, version)) await postgres.run(text, url);
    await postgres.run(`INSERT INTO xapplepush.migrations VALUES (${version}, 0, '0.0.1')`, url);
    return url;
  };
  const opened = (url: string, statementMs = 60_000): Database => {
    const database = openDatabase({ url }, { ...PATIENT, patience: { connectMs: 5000, statementMs } });
    onTestFinished(database.close);
    return database;
  };

  test('lets a registration that an older host has begun end, and has its owner', async () => {
    const url = await databaseOf(2);
    const older = new pg.Client(url);
    await older.connect();
    await older.query('BEGIN');
    await older.query(`INSERT INTO xapplepush.targets (user_name, device_token, account_id, subtopic, aps_version,
      topic, source, registered_ms, renewed_ms) VALUES ('u', 'aa', 'a', 's', 2, 't', 'cyrus', 0, 0)`);
    const version = schemaVersion(opened(url));
    await eventually(
      () => postgres.run('SELECT 1 FROM pg_locks WHERE NOT granted'),
      (waiting) => waiting.length > 0,
    );
    await older.query(
      `INSERT INTO xapplepush.subscriptions SELECT id, 'u', 'INBOX', 'INBOX' FROM xapplepush.targets`,
    );
    await older.query('COMMIT');
    await older.end();
    expect(await version).toBe(MIGRATIONS.length);
    expect(await postgres.run('SELECT owner FROM xapplepush.owners', url)).toEqual([{ owner: 'u' }]);
  });

  test('may take longer than any other statement; whoever asks meanwhile waits no longer than for one', async () => {
    const url = await databaseOf(4);
    await postgres.run(
      `CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1.3); END $$;
       CREATE EVENT TRIGGER slow ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION slow()`,
      url,
    );
    const database = opened(url, 100); // and 1.1 s until the client gives up
    const version = schemaVersion(database);
    await eventually(
      () => postgres.run(`SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'`),
      (sleeping) => sleeping.length > 0,
    );
    await expect(schemaVersion(database)).rejects.toMatchObject({ name: 'StoreError', busy: true });
    expect(await version).toBe(MIGRATIONS.length);
    expect(await schemaVersion(database)).toBe(MIGRATIONS.length);
  });
});
