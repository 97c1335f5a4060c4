import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { historyFolder } from '../../src/history/history.ts';
import { describePrune } from '../../src/prune/description.ts';
import { prune } from '../../src/prune/prune.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import type { Store } from '../../src/store/store.ts';
import { createSleeplessClock } from '../support/clock.ts';
import { describeWith } from '../support/needs.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';
import { postgresAvailability } from '../support/postgres-installation.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { NOW_MS, temporaryFolder } from '../support/store.ts';

const DAY_MS = 86_400_000;

describeWith('PostgreSQL', postgresAvailability(), 'prune on one of several hosts', () => {
  let postgres: Postgres;
  let url: string;
  let store: Store;
  beforeAll(async () => {
    postgres = await startPostgres();
    url = await postgres.database();
    store = openPostgres({ url }, { create: true });
    await store.schemaVersion();
  });
  afterAll(async () => {
    store.close();
    await postgres.stop();
  });

  /** One without a `serve`, whose handlers have written a history. */
  const host = () => {
    const folder = temporaryFolder();
    const config = {
      ...{ store: join(folder, 'x.db'), postgres: { url }, spool: join(folder, 'spool'), apns: {} },
      prune: { olderThanMs: 10 * DAY_MS, badFilesMs: 30 * DAY_MS },
      history: { maxAgeMs: DAY_MS, maxEntries: 100 },
    } as unknown as Config;
    const kept = historyFolder(config.store);
    mkdirSync(kept);
    for (const daysAgo of [0, 2])
      writeFileSync(join(kept, `devices.${NOW_MS - daysAgo * DAY_MS}.1.jsonl`), '12345\n');
    const log = recordedLog();
    const run = () =>
      prune({
        ...{ config, log, clock: createSleeplessClock(NOW_MS), olderThanMs: 10 * DAY_MS },
        ...{ unusedTopics: false, dryRun: false, force: false },
      });
    return { run, log, files: () => readdirSync(kept) };
  };

  test('throws the old history in its files away, also while another host prunes the database', async () => {
    const { run, files } = host();
    await store.shared!.takeDuty('prune', 'another', 60_000);
    const { report } = await run();
    await store.shared!.leaveDuties('another');
    expect(report).toMatchObject({ isElsewhere: true, history: { bytes: 6 } });
    expect(describePrune(report)).toContain('6 bytes of old history\n');
    expect(files()).toEqual([`devices.${NOW_MS}.1.jsonl`]);
  });

  test('tells what it has done where it cannot say that it has ended', async () => {
    const { run, files, log } = host();
    await postgres.run(
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
       CREATE TRIGGER refuse BEFORE DELETE ON xapplepush.duties FOR EACH ROW EXECUTE FUNCTION refuse()`,
      url,
    );
    const { report, exitCode } = await run();
    expect([report.history.bytes, exitCode, files().length]).toEqual([6, 0, 1]);
    expect(report.isElsewhere).toBeUndefined();
    expect(log.messages('warn')).toEqual([
      'another host prunes the database in half an hour at the earliest',
    ]);
  });
});
