import { chmodSync, existsSync, linkSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Log } from '../../process/log.ts';
import type { Connect, Database } from './driver.ts';
import { setCompanionsAside } from '../companions.ts';
import { StoreError } from '../errors.ts';
import { CURRENT_VERSION, writeSchema } from './migrations.ts';

/** Only the mail user reads who has which device. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o750;

/**
 * Makes the database file, and its folder where only that is missing, unless it exists.
 * The file is made complete under another name and then linked, so that no other process, however many
 * start together, ever sees half a database. What a database that lay there before has left beside it is set aside.
 */
export function createDatabaseFile(file: string, connect: Connect, log?: Pick<Log, 'warn'>): void {
  if (existsSync(file)) return;
  makeFolder(dirname(file));
  const turn = takeTurn(file, connect);
  if (turn === undefined) return;
  const draft = `${file}.${process.pid}.new`;
  try {
    writeDraft(draft, connect);
    // Read again in our turn: where a database stands, these are its own.
    if (!isThere(file)) setCompanionsAside(file, log);
    linkUnlessThere(draft, file);
  } finally {
    rmSync(draft, { force: true });
    turn.release();
  }
}

/** How long it waits for another process that makes the database, and how often it looks. The mail server waits too. */
const TURN_TIMEOUT_MS = 800;
const TURN_INTERVAL_MS = 5;

/**
 * Of those that want to make the database one does at a time, by a lock that the kernel gives back when its holder dies:
 * else one could set aside what belongs to the database that another has just made. Undefined where that has been made.
 */
function takeTurn(file: string, connect: Connect): { release(): void } | undefined {
  const name = `${file}.making`;
  const untilMs = performance.now() + TURN_TIMEOUT_MS;
  while (performance.now() < untilMs) {
    const lock = lockAt(name, connect);
    if (lock !== undefined) return { release: () => releaseTurn(name, lock) };
    if (existsSync(file)) return undefined;
    pause(TURN_INTERVAL_MS);
  }
  throw new StoreError(`another process has been making database ${file} for ${TURN_TIMEOUT_MS} ms`, {
    hint: `look for a process that holds ${name}`,
    busy: true,
    cause: undefined,
  });
}

/** Undefined while another holds it. */
function lockAt(name: string, connect: Connect): Database | undefined {
  return withUmask(() => {
    const lock = connect(name, { timeout: 0 });
    try {
      lock.exec('BEGIN EXCLUSIVE');
      return lock;
    } catch (error) {
      lock.close();
      if (isHeld(error) || isRemoved(error, name)) return undefined;
      rmSync(name, { force: true }); // on a full disk it can be made and not locked
      throw error;
    }
  });
}

function isHeld(error: unknown): boolean {
  return codeOf(error) === 'SQLITE_BUSY';
}

/** Its holder removed it after it was opened here: then SQLite cannot look at it by its name. */
function isRemoved(error: unknown, name: string): boolean {
  return codeOf(error) === 'SQLITE_IOERR_FSTAT' && !existsSync(name);
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}

function releaseTurn(name: string, lock: Database): void {
  rmSync(name, { force: true });
  lock.close();
}

/** What is made meanwhile is for this user only. */
function withUmask<T>(make: () => T): T {
  const umask = process.umask(0o777 & ~FILE_MODE);
  try {
    return make();
  } finally {
    process.umask(umask);
  }
}

/** As all of the driver, it stops the process meanwhile. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** A link that leads nowhere is there too, and what lies beside it is not ours to judge. */
function isThere(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

/** Makes one level only: a deeper path is more likely a slip in the configuration than a wish. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  try {
    mkdirSync(folder, { mode: FOLDER_MODE });
    chmodSync(folder, FOLDER_MODE); // whatever the umask took away
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function writeDraft(draft: string, connect: Connect): void {
  rmSync(draft, { force: true });
  const umask = process.umask(0o777 & ~FILE_MODE);
  const database = connect(draft);
  try {
    // So that `prune` can give room back in small steps; only an empty database takes it (PRAGMA auto_vacuum).
    database.pragma('auto_vacuum = INCREMENTAL');
    writeSchema(database, CURRENT_VERSION);
    // WAL: readers do not wait for the writer (https://sqlite.org/wal.html). Kept in the file's header.
    database.pragma('journal_mode = WAL');
  } finally {
    database.close();
    process.umask(umask);
  }
  chmodSync(draft, FILE_MODE);
}

function linkUnlessThere(draft: string, file: string): void {
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
