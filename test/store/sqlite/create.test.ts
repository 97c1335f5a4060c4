import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDatabaseFile } from '../../../src/store/sqlite/create.ts';
import { connect, type Database } from '../../../src/store/sqlite/driver.ts';
import { type CompiledProgram, compileProgram } from '../../support/compiled.ts';
import { recordedLog } from '../../support/recorded-log.ts';

const PROCESSES = 8;

/**
 * Waits until the time given, so that all start together; then opens the database and writes to it. Who is told that
 * another makes it tries again, as whoever reads the spool does: a busy machine takes longer than they wait.
 */
const OPEN_AND_REGISTER = `
  import { openStore } from '@/store/open.js';
  const [file, startMs, name] = process.argv.slice(1);
  while (Date.now() < Number(startMs));
  const open = () => {
    try {
      return openStore(file, { create: true });
    } catch (error) {
      if (!error.busy) throw error;
      return open();
    }
  };
  const store = open();
  await store.register({
    user: name, deviceToken: 'aa', accountId: 'id', subtopic: 's', apsVersion: 2, topic: '', source: 'cyrus',
    subscriptions: [{ owner: name, path: 'INBOX', name: 'INBOX', hash: undefined }],
  }, { nowMs: 0, maxPerUser: 20 });
  store.close();`;

let program: CompiledProgram;
let folder: string;

beforeAll(() => {
  program = compileProgram();
});
afterAll(() => {
  program.remove();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'xapplepush-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('processes that start together', () => {
  test('get one complete database, and none loses what it wrote', async () => {
    const file = join(folder, 'below', 'x.db');
    const startMs = Date.now() + 500;
    const names = Array.from({ length: PROCESSES }, (_, n) => `user${n}`);
    await Promise.all(names.map((name) => program.run(OPEN_AND_REGISTER, file, String(startMs), name)));
    const database = connect(file);
    const users = database.prepare('SELECT user FROM targets ORDER BY user').pluck().all();
    expect(users).toEqual(names);
    expect(database.prepare('SELECT count(*) FROM migrations').pluck().get()).toBe(1);
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
    database.close();
    expect(readdirSync(join(folder, 'below'))).toEqual(['x.db']);
  });
});

describe('a draft', () => {
  test('of a process that died with our pid is thrown away', () => {
    const file = join(folder, 'x.db');
    writeFileSync(`${file}.${process.pid}.new`, 'half a database');
    createDatabaseFile(file, connect);
    expect(readdirSync(folder)).toEqual(['x.db']);
    expect(connect(file).prepare('SELECT id FROM deliverer').pluck().get()).toBe(1);
  });

  test('is for this user only before it is complete', () => {
    const umask = process.umask(0);
    const modes: number[] = [];
    try {
      createDatabaseFile(join(folder, 'x.db'), (draft) => {
        const database = connect(draft);
        database.pragma('user_version = 0');
        modes.push(...readdirSync(folder).map((name) => statSync(join(folder, name)).mode & 0o777));
        return database;
      });
    } finally {
      process.umask(umask);
    }
    expect(new Set(modes)).toEqual(new Set([0o600]));
  });

  test('is removed when it cannot be finished, and no database is left', () => {
    const file = join(folder, 'x.db');
    const umask = process.umask(0o022);
    const breaking = (draft: string): Database => {
      const database = connect(draft);
      database.exec('CREATE TABLE targets (x)'); // so that the schema does not fit
      return database;
    };
    expect(() => createDatabaseFile(file, breaking)).toThrow(/targets already exists/);
    expect(readdirSync(folder)).toEqual([]);
    expect(process.umask(umask)).toBe(0o022);
  });

  test('never takes the place of a database that came first', () => {
    const file = join(folder, 'x.db');
    const overtaken = (draft: string): Database => {
      writeFileSync(file, 'the other was quicker');
      return connect(draft);
    };
    createDatabaseFile(file, overtaken);
    expect(statSync(file).size).toBe('the other was quicker'.length);
    expect(readdirSync(folder)).toEqual(['x.db']);
  });

  test('does not replace a link', () => {
    const file = join(folder, 'x.db');
    symlinkSync('elsewhere', file);
    createDatabaseFile(file, connect);
    expect(readdirSync(folder)).toEqual(['x.db']);
  });
});

describe('what an earlier database has left', () => {
  /** The files of a database whose process was killed, under the name of one that is gone. */
  function leftoversAt(file: string): void {
    const database = connect(`${file}.earlier`);
    database.pragma('journal_mode = WAL');
    database.exec('CREATE TABLE t (x); INSERT INTO t VALUES (randomblob(100000))');
    for (const companion of ['-wal', '-shm']) copyFileSync(`${file}.earlier${companion}`, file + companion);
    writeFileSync(`${file}-journal`, 'a journal');
    database.close();
    rmSync(`${file}.earlier`);
  }

  test('is set aside under a name that tells, and the new database is whole', () => {
    const file = join(folder, 'x.db');
    leftoversAt(file);
    const log = recordedLog();
    createDatabaseFile(file, connect, log);
    const database = connect(file);
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(database.prepare('SELECT id FROM deliverer').pluck().get()).toBe(1);
    database.close();
    const names = readdirSync(folder).map((name) => name.replace(/\d+$/, 'MS'));
    expect(names.sort()).toEqual(
      ['x.db', ...['-journal', '-shm', '-wal'].map((companion) => `x.db${companion}.left-over.MS`)].sort(),
    );
    expect(log.messages('warn')).toHaveLength(3);
  });

  test('is left alone where a database stands', () => {
    const file = join(folder, 'x.db');
    createDatabaseFile(file, connect);
    const database = connect(file);
    database.exec('CREATE TABLE t (x)');
    createDatabaseFile(file, connect);
    expect(readdirSync(folder).sort()).toEqual(['x.db', 'x.db-shm', 'x.db-wal']);
    database.close();
  });

  test('is set aside once by processes that start together, and none of them loses what it wrote', async () => {
    const file = join(folder, 'x.db');
    leftoversAt(file);
    const startMs = Date.now() + 500;
    const names = Array.from({ length: PROCESSES }, (_, n) => `user${n}`);
    await Promise.all(names.map((name) => program.run(OPEN_AND_REGISTER, file, String(startMs), name)));
    const database = connect(file);
    expect(database.prepare('SELECT user FROM targets ORDER BY user').pluck().all()).toEqual(names);
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
    database.close();
    expect(readdirSync(folder).filter((name) => name.includes('left-over'))).toHaveLength(3);
  });
});
