import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  rmdirSync,
  mkdtempSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../../src/store/open.ts';
import { takeLock } from '../../../src/store/lock.ts';
import { MAY_BE_LOST, type WriteOptions } from '../../../src/store/sqlite/database.ts';
import { connect } from '../../../src/store/sqlite/driver.ts';
import type { StoreError } from '../../../src/store/errors.ts';
import { type CompiledProgram, compileProgram } from '../../support/compiled.ts';
import { testWithMounts } from '../../support/needs.ts';
import {
  holdWriteLock,
  openTestStore,
  registered,
  rowsOf,
  temporaryFolder,
  testStore,
  type TestStore,
} from '../../support/store.ts';

const IS_ROOT = process.geteuid?.() === 0;

/** nobody of Debian's passwd(5). */
const NOBODY = 65534;

let program: CompiledProgram;
beforeAll(() => {
  program = compileProgram();
});
afterAll(() => {
  program.remove();
});

/** Runs this without root's right to read and write everything. */
async function asOrdinaryUser<T>(body: () => T | Promise<T>): Promise<T> {
  if (!IS_ROOT) return body();
  process.seteuid?.(NOBODY);
  try {
    return await body();
  } finally {
    process.seteuid?.(0);
  }
}

/** What an operator is told when the store cannot be used: error, hint and exit code. */
async function refusal(
  body: () => unknown,
): Promise<{ message: string; hint: string | undefined; busy: boolean | undefined }> {
  try {
    await body();
  } catch (error) {
    expect(error).toMatchObject({ exitCode: 75, hint: expect.any(String) as string });
    const { message, hint, busy } = error as StoreError;
    return { message, hint, busy };
  }
  throw new Error('expected the store to be refused');
}

function open(file: string): TestStore {
  const store = openTestStore(file);
  onTestFinished(() => {
    store.close();
  });
  return store;
}

/** A process that holds the file locked: until it is killed, or for so long and then commits. */
async function holdingProcess(
  file: string,
  change: string,
  forMs?: number,
): Promise<{ kill: () => Promise<void> }> {
  // In each case it stays known: V8 closes a database that nobody knows, and its lock is gone.
  const end =
    forMs === undefined
      ? 'setInterval(() => database.inTransaction, 1000);'
      : `setTimeout(() => database.exec('COMMIT').close(), ${forMs});`;
  const script = `import { connect } from '@/store/sqlite/driver.js';
    const [file, change] = process.argv.slice(1);
    const database = connect(file);
    database.exec('BEGIN EXCLUSIVE; ' + change);
    console.log('holds');
    ${end}`;
  const child = program.start(script, file, change);
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  await once(child.stdout, 'data');
  return {
    kill: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** A file system of 256 kB. */
function smallDisk(): { folder: string; fillUp: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'xapplepush-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', folder], { stdio: 'pipe' });
  onTestFinished(() => {
    execFileSync('umount', [folder]);
    rmdirSync(folder);
  });
  return {
    folder,
    fillUp: () => {
      execFileSync('sh', ['-c', 'cat /dev/zero > "$0/zeros" || true', folder], { stdio: 'pipe' });
    },
  };
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

/** https://sqlite.org/pragma.html#pragma_synchronous */
const [NORMAL, FULL] = [1, 2];

describe('a new database', () => {
  test.each(['000', '022', '027', '077', '777'])('has its modes under umask %s', async (mask) => {
    const folder = join(temporaryFolder(), 'made');
    const file = join(folder, 'x.db');
    const before = process.umask(Number.parseInt(mask, 8));
    try {
      const store = open(file);
      await registered(store);
      expect(modeOf(folder)).toBe('750');
      expect(readdirSync(folder).sort()).toEqual(['x.db', 'x.db-shm', 'x.db-wal']);
      for (const name of readdirSync(folder))
        expect([name, modeOf(join(folder, name))]).toEqual([name, '600']);
    } finally {
      expect(process.umask(before).toString(8)).toBe(String(Number(mask)));
    }
  });

  test('leaves a folder that is there as it is', () => {
    const folder = temporaryFolder();
    chmodSync(folder, 0o701);
    open(join(folder, 'x.db'));
    expect(modeOf(folder)).toBe('701');
  });

  test('does not come with more than one level of folders', async () => {
    const folder = temporaryFolder();
    const { message, hint } = await refusal(() => open(join(folder, 'no', 'such', 'x.db')));
    expect(message).toContain(`no folder for database ${folder}/no/such/x.db`);
    expect(hint).toContain(`install -d -m 0750 -o cyrus -g mail ${folder}/no/such`);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('is not made by those who only look', async () => {
    const file = join(temporaryFolder(), 'x.db');
    const { message } = await refusal(() => openStore(file, { create: false }));
    expect(message).toBe(`there is no database ${file} yet`);
    expect(existsSync(file)).toBe(false);
    const missing = join(temporaryFolder(), 'missing', 'x.db');
    expect((await refusal(() => openStore(missing, { create: false }))).message).toContain('no folder');
  });

  test('survives a power cut and knows its references', async () => {
    const store = testStore();
    const setting = (name: string): Promise<unknown> =>
      store.read((sql) => sql(`PRAGMA ${name}`).pluck().get());
    expect(await setting('journal_mode')).toBe('wal');
    expect(await setting('synchronous')).toBe(2);
    expect(await setting('foreign_keys')).toBe(1);
  });

  test.each([
    [true, -2000],
    [false, -16_000],
  ])('keeps few pages where it is for many small transactions; batched: %s', async (batched, cacheSize) => {
    const store = openTestStore(join(temporaryFolder(), 'x.db'), { create: true, batched });
    expect(await store.read((sql) => sql('PRAGMA cache_size').pluck().get())).toBe(cacheSize);
    store.close();
  });
});

describe('transactions', () => {
  test.each([false, true])(
    'wait for the disk only where they are to be durable; batched: %s',
    async (batched) => {
      const store = openTestStore(join(temporaryFolder(), 'x.db'), { create: true, batched });
      let asked = 0;
      // Each text is compiled once, and what it gives is compiled in.
      const level = (options?: WriteOptions): Promise<unknown> =>
        store.write(
          (sql) =>
            sql(`PRAGMA synchronous -- ${(asked += 1)}`)
              .pluck()
              .get(),
          options,
        );
      expect([await level(), await level(MAY_BE_LOST), await level(MAY_BE_LOST)]).toEqual([
        FULL,
        NORMAL,
        NORMAL,
      ]);
      expect([await level(), await level({ durable: true })]).toEqual([FULL, FULL]);
      store.close();
    },
  );

  test('a write that throws changes nothing, and a bug passes as it is', async () => {
    const store = testStore();
    const bug = new RangeError('a bug');
    const write = store.write((sql) => {
      sql('UPDATE deliverer SET until_ms = 7').run();
      throw bug;
    });
    await expect(write).rejects.toBe(bug);
    expect(await rowsOf(store, 'SELECT until_ms FROM deliverer')).toEqual([{ until_ms: 0 }]);
  });

  test('a write gives what its body gives, and another connection sees it', async () => {
    const store = testStore();
    const other = testStore(store.file);
    expect(await store.write((sql) => sql('UPDATE deliverer SET until_ms = 7').run().changes)).toBe(1);
    expect(await rowsOf(other, 'SELECT until_ms FROM deliverer')).toEqual([{ until_ms: 7 }]);
  });

  test('reading does not wait for a writer, writing waits for so long', async () => {
    const store = testStore(undefined, 20);
    holdWriteLock(store.file);
    expect(await rowsOf(store, 'SELECT id FROM deliverer')).toHaveLength(1);
    const { message, busy } = await refusal(() => store.write((sql) => sql('SELECT 1').get()));
    expect(message).toContain(`database ${store.file} is locked by another process (SQLITE_BUSY`);
    expect(busy).toBe(true);
  });

  test('once the other is through, a write that waited goes on', async () => {
    const store = testStore();
    await holdingProcess(store.file, 'UPDATE deliverer SET until_ms = 100', 150);
    await store.write((sql) => sql('UPDATE deliverer SET until_ms = until_ms + 1').run());
    expect(await rowsOf(store, 'SELECT until_ms FROM deliverer')).toEqual([{ until_ms: 101 }]);
  });
});

describe('a file that cannot be our database', () => {
  const longText = 'this is not a database, and it is long enough to tell. '.repeat(40);

  test('is damaged or no database', async () => {
    const file = join(temporaryFolder(), 'x.db');
    writeFileSync(file, longText);
    const { message } = await refusal(() => openStore(file, { create: true }));
    expect(message).toContain(`${file} is damaged or no database (SQLITE_NOTADB`);
    expect(readFileSync(file, 'utf8')).toBe(longText);
  });

  test('has been cut short', async () => {
    const store = testStore();
    for (let n = 0; n < 50; n += 1) await registered(store, { accountId: `account-${n}`, user: `user${n}` });
    store.close();
    truncateSync(store.file, 8192);
    const { message } = await refusal(() =>
      rowsOf(open(store.file), 'SELECT count(*), max(owner) FROM subscriptions'),
    );
    expect(message).toContain('is damaged or no database (SQLITE_CORRUPT');
  });

  test('is the database of another program', async () => {
    const file = join(temporaryFolder(), 'x.db');
    connect(file).exec('CREATE TABLE theirs (x); PRAGMA user_version = 1').close();
    const before = readFileSync(file);
    const { message } = await refusal(() => openStore(file, { create: true }));
    expect(message).toBe(`${file} is an SQLite database, but not one of xapplepush`);
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test('is empty, as after a power cut', async () => {
    const file = join(temporaryFolder(), 'x.db');
    writeFileSync(file, '');
    const { message, hint } = await refusal(() => openStore(file, { create: true }));
    expect(message).toBe(`database ${file} is empty: 0 bytes`);
    expect(hint).toContain(`rm ${file}`);
  });

  test('is newer than the program', async () => {
    const store = testStore();
    store.close();
    connect(store.file).exec('PRAGMA user_version = 99').close();
    const { message, hint } = await refusal(() => openStore(store.file, { create: true }));
    expect(message).toMatch(/has version 99; this program knows versions up to \d+$/);
    expect(hint).toContain('install the xapplepush that wrote it');
  });

  test('is a folder, or a link to nowhere', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'x.db'));
    expect((await refusal(() => openStore(join(folder, 'x.db'), { create: true }))).message).toContain(
      'cannot be opened (SQLITE_CANTOPEN',
    );
    symlinkSync('/no/such/file', join(folder, 'link'));
    expect((await refusal(() => openStore(join(folder, 'link'), { create: true }))).message).toContain(
      'cannot be opened',
    );
    expect(readdirSync(folder).sort()).toEqual(['link', 'x.db']);
  });
});

// access(2), by which the causes are told apart, asks for the real user: that of a test of root's stays root.
describe('a place that cannot be written', () => {
  test('a file of somebody else', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'x.db');
    open(file);
    chmodSync(file, 0o400);
    const { message } = await asOrdinaryUser(() =>
      refusal(() => registered(openStore(file, { create: true }))),
    );
    expect(message).toMatch(
      IS_ROOT ? /cannot be opened \(SQLITE_CANTOPEN/ : /may not write to database file/,
    );
  });

  test('a file that may only be read', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'x.db');
    openStore(file, { create: true }).close();
    chmodSync(folder, 0o777);
    chmodSync(file, 0o444);
    const { message, hint } = await asOrdinaryUser(() =>
      refusal(async () => {
        await registered(open(file));
      }),
    );
    expect(message).toMatch(IS_ROOT ? /is read-only \(SQLITE_READONLY/ : /may not write to database file/);
    expect(hint).toContain(
      IS_ROOT ? `${folder} and the files in it must belong to the user` : '&& chmod 0600',
    );
  });

  test('a folder that may only be read', async () => {
    const folder = temporaryFolder();
    chmodSync(folder, 0o555);
    const { message } = await asOrdinaryUser(() =>
      refusal(() => openStore(join(folder, 'x.db'), { create: true })),
    );
    expect(message).toContain(IS_ROOT ? 'cannot be opened (SQLITE_CANTOPEN' : `may not write into ${folder}`);
    const below = await asOrdinaryUser(() =>
      refusal(() => openStore(join(folder, 'below', 'x.db'), { create: true })),
    );
    expect(below.message).toContain('cannot be used by this user (EACCES');
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('no space left', () => {
  test('a database that may not grow keeps what it has', async () => {
    const store = testStore();
    await registered(store, { user: 'first' });
    await store.read((sql) => sql('PRAGMA max_page_count = 1').get());
    const { message, hint, busy } = await refusal(() => fill(store));
    expect(message).toContain(`no space left for database ${store.file} (SQLITE_FULL`);
    expect(hint).toContain('make room');
    expect(busy).toBe(false);
    expect(await rowsOf(store, `SELECT user FROM targets WHERE user = 'first'`)).toHaveLength(1);
  });

  // The limit on pages shows the same to everybody.
  testWithMounts('a full disk', fullDisk);

  async function fullDisk(): Promise<void> {
    const disk = smallDisk();
    const store = open(join(disk.folder, 'x.db'));
    await registered(store, { user: 'first' });
    const { message } = await refusal(() => fill(store));
    expect(message).toContain('no space left for database');
    expect(await rowsOf(store, `SELECT user FROM targets WHERE user = 'first'`)).toHaveLength(1);
    disk.fillUp();
    const another = join(disk.folder, 'another.db');
    expect((await refusal(() => openStore(another, { create: true }))).message).toContain('no space left');
    expect(readdirSync(disk.folder).filter((name) => name.startsWith('another'))).toEqual([]);
  }

  async function fill(store: TestStore): Promise<void> {
    for (let n = 0; n < 10_000; n += 1) await registered(store, { user: `user${n}`.padEnd(500, '.') });
  }
});

describe('the lock of the deliverer', () => {
  test('only one holds it, and it can be taken again', () => {
    const file = join(temporaryFolder(), 'x.db.deliverer');
    const lock = takeLock(file);
    expect(lock).toBeDefined();
    expect(takeLock(file)).toBeUndefined();
    lock?.release();
    const again = takeLock(file);
    expect(again).toBeDefined();
    again?.release();
  });

  test('it goes with the process that held it', async () => {
    const file = join(temporaryFolder(), 'x.db.deliverer');
    const child = await holdingProcess(file, '');
    expect(takeLock(file)).toBeUndefined();
    await child.kill();
    const lock = takeLock(file);
    expect(lock).toBeDefined();
    lock?.release();
  });

  test('where there is no place for it, that is said', async () => {
    const { message } = await refusal(() => takeLock('/no/such/folder/lock'));
    expect(message).toContain('no folder for database /no/such/folder/lock');
  });
});
