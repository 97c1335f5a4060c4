import type { Database, Statement } from './driver.ts';

/**
 * How a commit reaches the disk (https://sqlite.org/pragma.html#pragma_synchronous): FULL waits for it, with all that
 * was committed before. With NORMAL the write-ahead log is written in order and synced later, so that a power cut takes
 * the latest commits and no part of one.
 */
export const SYNCED = 'FULL';
const UNSYNCED = 'NORMAL';

/**
 * Runs a body as one transaction, undone where it throws. What better-sqlite3 has for it prepares nine statements first,
 * which is a quarter of a millisecond of a short-lived process, and node:sqlite has none.
 */
export function transact<T>(database: Database, begin: 'BEGIN' | 'BEGIN IMMEDIATE', body: () => T): T {
  database.exec(begin);
  try {
    const value = body();
    database.exec('COMMIT');
    return value;
  } catch (error) {
    if (database.inTransaction) database.exec('ROLLBACK'); // some errors have undone it already
    throw error;
  }
}

/** Gives a function that runs a body as one writing transaction, which waits for the disk where it is to be durable. */
export function committer(database: Database): <T>(body: () => T, durable: boolean) => T {
  let isSynced = true;
  return (body, durable) => {
    if (durable !== isSynced) database.exec(`PRAGMA synchronous = ${durable ? SYNCED : UNSYNCED}`);
    isSynced = durable;
    return transact(database, 'BEGIN IMMEDIATE', body);
  };
}

/** Gives a function that runs a body as a savepoint within a transaction. */
export function savepoints(database: Database): (body: () => void) => void {
  const [begin, keep, undo] = ['SAVEPOINT part', 'RELEASE part', 'ROLLBACK TO part'].map((text) =>
    database.prepare(text),
  ) as [Statement, Statement, Statement];
  return (body) => {
    begin.run();
    try {
      body();
    } catch (error) {
      if (database.inTransaction) {
        undo.run();
        keep.run();
      } // some errors have undone all of it already
      throw error;
    }
    keep.run();
  };
}
