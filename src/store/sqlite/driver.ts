import { messageOf } from '../../process/errors.ts';
import { installAnew } from '../../process/installation.ts';
import { DRIVER_FOR_NODE_20, WITHOUT_DRIVER_HINT } from '../../node-20/sqlite-driver.ts';
import { StoreError } from '../errors.ts';
import { betterSqlite3, FOR_NODE_API, unreadable } from './better-sqlite3.ts';
import { nodeSqlite } from './node-sqlite.ts';

/** What is used of a driver. Errors have a `code` as of https://sqlite.org/rescode.html, such as SQLITE_BUSY. */
export interface Database {
  readonly inTransaction: boolean;
  prepare(text: string): Statement;
  exec(text: string): Database;
  /** All rows, or the first value of the first. */
  pragma(text: string, options?: { simple: boolean }): unknown;
  /** Does nothing where it is closed already. */
  close(): unknown;
}

export interface Statement {
  /** Values of `?` come one by one, those of `@name` in an object, which may have more; undefined is NULL. */
  run(...values: unknown[]): { changes: number };
  get(...values: unknown[]): unknown;
  all(...values: unknown[]): unknown[];
  /** From now on a row is its first value. */
  pluck(): Statement;
  /** From now on a row is an array of its values. */
  raw(): Statement;
}

export interface ConnectOptions {
  fileMustExist?: boolean;
  /** How long a statement waits for another process's transaction; by default 5 seconds. */
  timeout?: number;
}

export type Connect = (file: string, options?: ConnectOptions) => Database;

export interface Driver {
  name: 'better-sqlite3' | 'node:sqlite';
  connect: Connect;
}

/** Opens a database file; throws what the driver throws, or a StoreError where there is no driver for this Node. */
export function connect(file: string, options: ConnectOptions = {}): Database {
  return (driver ??= load()).connect(file, options);
}

/** Which driver this process opens databases with. Throws a StoreError where there is none. */
export function driverName(): Driver['name'] {
  return (driver ??= load()).name;
}

/** Loaded at the first use: an event that concerns nobody never pays for it. */
let driver: Driver | undefined;

/** The release for Node 20 may crash a later one, which has a driver of its own. */
function load(): Driver {
  const failures: unknown[] = [];
  const found =
    betterSqlite3(FOR_NODE_API, failures) ?? nodeSqlite() ?? betterSqlite3(DRIVER_FOR_NODE_20, failures);
  if (found === undefined) throw unreadable(failures) ?? noDriver(failures);
  return found;
}

function noDriver(failures: readonly unknown[]): StoreError {
  const why = failures.length === 0 ? 'it is not installed' : failures.map(messageOf).join('; ');
  return new StoreError(`the database driver does not load under Node ${process.version}: ${why}`, {
    hint: installAnew(WITHOUT_DRIVER_HINT),
    cause: undefined,
  });
}
