import type { Clock } from '../../process/clock.ts';
import type { Log } from '../../process/log.ts';
import { createBatch } from './batch.ts';
import { compactDatabase, freeBytesOf } from './compact.ts';
import { createDatabaseFile } from './create.ts';
import { type Connect, connect as connectHere, type Database, type Statement } from './driver.ts';
import { storeError } from '../errors.ts';
import { troubleOfPlace, troubleOrMissing } from '../place.ts';
import type { Left } from '../move.ts';
import type { Compaction } from '../store.ts';
import { isLeft } from './departure.ts';
import { CURRENT_VERSION, migrate } from './migrations.ts';
import { committer, savepoints, SYNCED, transact } from './transaction.ts';

/** Gives the prepared statement of a text; each text is compiled once for a connection. */
export type Sql = (text: string) => Statement;

/** One open database, in transactions. */
export interface Transactions {
  readonly file: string;
  read: <T>(body: (sql: Sql) => T) => Promise<T>;
  /** Runs a transaction. Where it is durable it survives a power cut; the database stays whole in any case. */
  write: <T>(body: (sql: Sql) => T, options?: WriteOptions) => Promise<T>;
  /**
   * The same where `isWanted` says so, and undefined elsewhere. It is not asked where a transaction comes in a moment
   * anyway, of which the body becomes a part.
   */
  writeWhere: <T>(isWanted: (sql: Sql) => boolean, body: (sql: Sql) => T) => Promise<T | undefined>;
  /** Gives room that is free in the file back, in short turns. */
  compact: (clock: Clock) => Promise<Compaction>;
  /** How much of the file is free, in bytes. */
  freeBytes: () => Promise<number>;
  close: () => void;
}

export interface WriteOptions {
  /** Whether the caller waits until it is on the disk. True by default. */
  durable: boolean;
}

/** A write that a power cut may undo: it is done again, or means nothing any more. */
export const MAY_BE_LOST: WriteOptions = { durable: false };

export interface OpenOptions {
  /** Make the database where there is none. Commands that only look must not: they may run as another user. */
  create: boolean;
  /** Is told what an earlier database had left where one is made. */
  log?: Pick<Log, 'warn'>;
  /** How long a transaction waits for another process's, in milliseconds. */
  busyTimeoutMs?: number;
  /** Commit what is written at nearly the same time together: for a process that takes many events a second. */
  batched?: boolean;
  /** Also one that was left for another store. */
  left?: Left | undefined;
  /** By another driver than the one that this process uses. */
  connect?: Connect;
}

/** A transaction takes about a millisecond; two hundred handlers at once are through well within this. */
export const BUSY_TIMEOUT_MS = 5000;

/**
 * Of a process that looks up one mailbox after another: what the processor's own caches hold. A page from the kernel is
 * had sooner than one that was kept among the usual 16 MB. Who writes much in one transaction has use for those.
 */
const BATCHED_CACHE_KIB = 2000;
const CACHE_KIB = 16_000;

/** A long look at a large database makes the write-ahead log grow; afterwards it shrinks to this again. */
const WAL_LIMIT_BYTES = 16 * 1024 * 1024;

/**
 * Opens the database, made or migrated first where that is due.
 * Throws an OperatorError (exit 75) that says why it cannot be used.
 */
export function openDatabase(file: string, options: OpenOptions): Transactions {
  const { create, log, batched = false, connect = connectHere } = options;
  try {
    if (create) createDatabaseFile(file, connect, log);
    const database = openExisting(file, connect, options);
    if (batched) database.exec(`PRAGMA cache_size = -${BATCHED_CACHE_KIB}`);
    return transactionsOn(database, file, batched);
  } catch (error) {
    throw storeError(file, error, create ? troubleOfPlace : troubleOrMissing);
  }
}

function openExisting(
  file: string,
  connect: Connect,
  { busyTimeoutMs = BUSY_TIMEOUT_MS, left }: OpenOptions,
): Database {
  const database = connect(file, { fileMustExist: true, timeout: busyTimeoutMs });
  try {
    database.exec(`PRAGMA synchronous = ${SYNCED}; PRAGMA foreign_keys = ON;
      PRAGMA cache_size = -${CACHE_KIB};
      PRAGMA journal_size_limit = ${WAL_LIMIT_BYTES}`);
    if (!isLeft(database, CURRENT_VERSION, left)) migrate(database, file);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function transactionsOn(database: Database, file: string, batched: boolean): Transactions {
  const statements = new Map<string, Statement>();
  const sql: Sql = (text) => {
    const known = statements.get(text) ?? database.prepare(text);
    statements.set(text, known);
    return known;
  };
  const attempt = <T>(run: () => T | Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      try {
        resolve(run());
      } catch (error) {
        reject(storeError(file, error));
      }
    });
  const commit = committer(database);
  const batch = batched ? createBatch(commit, savepoints(database)) : undefined;
  const read = <T>(body: (sql: Sql) => T): T => transact(database, 'BEGIN', () => body(sql));
  const write: Transactions['write'] = (body, { durable } = { durable: true }) => {
    if (batch === undefined) return attempt(() => commit(() => body(sql), durable));
    const written = batch.add(() => body(sql), durable);
    return written.catch((error: unknown) => {
      throw storeError(file, error);
    });
  };
  return {
    file,
    read: (body) => attempt(() => read(body)),
    write,
    writeWhere: (isWanted, body) =>
      batch?.isOpen() === true ? write(body) : attempt(() => (read(isWanted) ? write(body) : undefined)),
    compact: (clock) =>
      compactDatabase(database, file, clock).catch((error: unknown) => {
        throw storeError(file, error);
      }),
    freeBytes: () => attempt(() => freeBytesOf(database)),
    close: () => database.close(),
  };
}
