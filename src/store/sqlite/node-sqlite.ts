import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { codeOf } from './result-codes.ts';
import type { ConnectOptions, Database, Driver, Statement } from './driver.ts';

/** It has all that is used here from 24.0 on, and in 22 from this minor version on: setReturnArrays and isTransaction. */
const OLDEST_MINOR_OF_22 = 16;

/** How long better-sqlite3 waits. */
const TIMEOUT_MS = 5000;

/** The driver that Node itself has: no binary to install, and none that does not fit. */
export function nodeSqlite(node = process.versions.node): Driver | undefined {
  if (!hasAllOfIt(node)) return undefined;
  const DatabaseSync = loadQuietly()?.DatabaseSync;
  if (DatabaseSync === undefined) return undefined;
  return { name: 'node:sqlite', connect: (file, options = {}) => connectBy(DatabaseSync, file, options) };
}

function hasAllOfIt(node: string): boolean {
  const [major = 0, minor = 0] = node.split('.').map(Number);
  return major >= 24 || (major === 22 && minor >= OLDEST_MINOR_OF_22);
}

/**
 * Undefined of a Node that was built or started without it. Node 22 warns each process that it is experimental: nobody who
 * reads a mail server's log can act on that.
 */
function loadQuietly(): NodeSqlite | undefined {
  const emitWarning = process.emitWarning.bind(process) as (...args: unknown[]) => void;
  const own = Object.getOwnPropertyDescriptor(process, 'emitWarning') as PropertyDescriptor;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
    if (rest[0] === 'ExperimentalWarning' && String(warning).startsWith('SQLite ')) return;
    emitWarning(warning, ...rest);
  };
  try {
    return process.getBuiltinModule('node:sqlite') as NodeSqlite | undefined;
  } finally {
    Object.defineProperty(process, 'emitWarning', own);
  }
}

function connectBy(
  DatabaseSync: NodeSqlite['DatabaseSync'],
  file: string,
  { fileMustExist = false, timeout = TIMEOUT_MS }: ConnectOptions,
): Database {
  if (!existsSync(dirname(file))) throw new TypeError('the directory does not exist');
  return databaseOf(named(() => new DatabaseSync(fileMustExist ? existing(file) : file, { timeout })));
}

/** Is not made where it is missing: https://sqlite.org/uri.html, in which two slashes would begin the name of a host. */
function existing(file: string): string {
  return `file:${encodeURI(resolve(file)).replaceAll('?', '%3f').replaceAll('#', '%23')}?mode=rw`;
}

function databaseOf(raw: DatabaseSync): Database {
  const prepare = (text: string): Statement => statementOf(named(() => raw.prepare(text)));
  const database: Database = {
    prepare,
    get inTransaction() {
      return raw.isTransaction;
    },
    exec: (text) => {
      named(() => raw.exec(text));
      return database;
    },
    pragma: (text, { simple } = { simple: false }) => {
      const statement = prepare(`PRAGMA ${text}`);
      return simple ? statement.pluck().get() : statement.all();
    },
    close: () => {
      if (raw.isOpen) raw.close();
    },
  };
  return database;
}

function statementOf(raw: StatementSync): Statement {
  raw.setAllowUnknownNamedParameters(true);
  let row = plain;
  const statement: Statement = {
    run: (...values) => named(() => raw.run(...values.map(bound))),
    get: (...values) => row(named(() => raw.get(...values.map(bound)))),
    all: (...values) => named(() => raw.all(...values.map(bound))).map((each) => row(each)),
    pluck: () => {
      raw.setReturnArrays(true);
      row = first;
      return statement;
    },
    raw: () => {
      raw.setReturnArrays(true);
      row = (values) => values;
      return statement;
    },
  };
  return statement;
}

/** Node's rows have no prototype, and so cannot be told or compared as others. */
function plain(row: unknown): unknown {
  return row === undefined ? undefined : { ...(row as object) };
}

function first(row: unknown): unknown {
  return (row as unknown[] | undefined)?.[0];
}

/** Before Node 26 it takes no undefined. */
function bound(value: unknown): unknown {
  if (value === undefined) return null;
  if (typeof value !== 'object' || value === null || !Object.values(value).includes(undefined)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, bound(each)]));
}

/** What fails in SQLite has the name of its result code as `code`, as better-sqlite3 gives it. */
function named<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    const { errcode } = error as { errcode?: number };
    throw errcode === undefined ? error : Object.assign(error as Error, { code: codeOf(errcode) });
  }
}

/** What is used of https://nodejs.org/api/sqlite.html; the types of Node 20 have none. */
interface NodeSqlite {
  DatabaseSync: new (path: string, options: { timeout: number }) => DatabaseSync;
}

interface DatabaseSync {
  readonly isOpen: boolean;
  readonly isTransaction: boolean;
  prepare(text: string): StatementSync;
  exec(text: string): void;
  close(): void;
}

interface StatementSync {
  run(...values: unknown[]): { changes: number };
  get(...values: unknown[]): unknown;
  all(...values: unknown[]): unknown[];
  setReturnArrays(enabled: boolean): void;
  setAllowUnknownNamedParameters(enabled: boolean): void;
}
