import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/process/clock.ts';
import { compactDatabase } from '../../../src/store/sqlite/compact.ts';
import { connect } from '../../../src/store/sqlite/driver.ts';
import { createSleeplessClock } from '../../support/clock.ts';
import { holdWriteLock, rowsOf, temporaryFolder, testStore, type TestStore } from '../../support/store.ts';

const MEGABYTE = 1024 * 1024;

/** Rows of about a page each: 4 kB. */
function fill(store: TestStore, rows: number): Promise<unknown> {
  return store.write((sql) =>
    sql(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?)
       INSERT INTO provider_tokens (fingerprint, jwt, issued_ms) SELECT i, hex(zeroblob(1900)), 0 FROM n`,
    ).run(rows),
  );
}

function empty(store: TestStore, condition = 'TRUE'): Promise<unknown> {
  return store.write((sql) => sql(`DELETE FROM provider_tokens WHERE ${condition}`).run());
}

function autoVacuum(file: string): unknown {
  const database = connect(file);
  onTestFinished(() => {
    database.close();
  });
  return database.pragma('auto_vacuum', { simple: true });
}

/** A database as it was made before room could be given back in steps. */
function formerStore(): TestStore {
  const file = join(temporaryFolder(), 'x.db');
  const database = connect(file);
  database.exec(readFileSync(new URL('./schema-1.sql', import.meta.url), 'utf8'));
  database.pragma('application_id = 0x78617070');
  database.pragma('user_version = 1');
  database.pragma('journal_mode = WAL');
  database.close();
  return testStore(file);
}

describe('a new database', () => {
  test('gives back what is free, in steps, and keeps its rows', async () => {
    const store = testStore();
    await fill(store, 1000);
    await empty(store, 'fingerprint % 10 <> 0');
    expect(await store.freeBytes()).toBeGreaterThan(3 * MEGABYTE);
    const compaction = await store.compact(createSleeplessClock());
    expect(compaction).not.toHaveProperty('blockedMs');
    expect(compaction.bytesBefore - compaction.bytesAfter).toBeGreaterThan(3 * MEGABYTE);
    expect(compaction).toMatchObject({ freeBytes: 0, bytesAfter: statSync(store.file).size });
    expect(await store.freeBytes()).toBe(0);
    expect(await rowsOf(store, 'SELECT count(*) AS rows FROM provider_tokens')).toEqual([{ rows: 100 }]);
    expect(await rowsOf(store, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
    expect(statSync(`${store.file}-wal`).size).toBe(0);
  });

  test('keeps what new rows will soon fill', async () => {
    const store = testStore();
    await fill(store, 100);
    await empty(store);
    const free = await store.freeBytes();
    expect(free).toBeGreaterThan(0);
    expect(await store.compact(createSleeplessClock())).toMatchObject({ freeBytes: free });
  });

  test('is written to by others meanwhile, who look at it too', async () => {
    const store = testStore();
    await fill(store, 1000);
    await empty(store);
    const other = testStore(store.file, 900);
    const reader = connect(store.file);
    reader.exec('BEGIN; SELECT * FROM targets');
    const compacting = store.compact(systemClock);
    let written = 0;
    const ended = compacting.then(() => true);
    while (!(await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 1, false))]))) {
      await fill(other, 1);
      await empty(other);
      written += 1;
    }
    expect(written).toBeGreaterThan(3);
    expect((await compacting).freeBytes).toBeLessThan(MEGABYTE);
    reader.close();
  });
});

describe('a database from before', () => {
  test('is written anew once, and then gives back in steps', async () => {
    const store = formerStore();
    await fill(store, 1000);
    await empty(store, 'fingerprint % 10 <> 0');
    const first = await store.compact(systemClock);
    expect(first.blockedMs).toBeGreaterThanOrEqual(0);
    expect(first.bytesAfter).toBeLessThan(MEGABYTE);
    expect(autoVacuum(store.file)).toBe(2);
    expect(await rowsOf(store, 'SELECT count(*) AS rows FROM provider_tokens')).toEqual([{ rows: 100 }]);
    expect(await store.compact(systemClock)).not.toHaveProperty('blockedMs');
  });

  test('is left alone where that would take long', async () => {
    const store = formerStore();
    await fill(store, 1500);
    await empty(store, 'fingerprint % 2 = 0');
    const database = connect(store.file);
    const compaction = await compactDatabase(database, store.file, createSleeplessClock(), MEGABYTE);
    database.close();
    expect(compaction).toMatchObject({ tooLarge: true });
    expect(compaction.freeBytes).toBeGreaterThan(2 * MEGABYTE);
    expect(autoVacuum(store.file)).toBe(0);
  });

  test('is left alone where little would be gained', async () => {
    const store = formerStore();
    await fill(store, 1500);
    await empty(store, 'fingerprint % 5 = 0');
    const compaction = await store.compact(createSleeplessClock());
    expect(compaction.freeBytes).toBeGreaterThan(MEGABYTE);
    expect(compaction).not.toHaveProperty('blockedMs');
    expect(autoVacuum(store.file)).toBe(0);
  });
});

test('is put off while another process holds the database', async () => {
  const store = testStore(undefined, 50);
  await fill(store, 1000);
  await empty(store);
  holdWriteLock(store.file);
  await expect(store.compact(createSleeplessClock())).rejects.toMatchObject({ exitCode: 75, busy: true });
});
