import { truncateSync } from 'node:fs';
import { storeError } from './errors.ts';
import { connect } from './sqlite/driver.ts';

/** A lock that the kernel gives back when its holder dies, whatever it dies of. */
export interface Lock {
  release(): void;
}

/** Takes the lock of that name, or gives undefined while another process holds it. Throws as openStore does. */
export function takeLock(file: string): Lock | undefined {
  try {
    return lockAt(file);
  } catch (error) {
    if (!isDamaged(error)) throw storeError(file, error);
  }
  try {
    truncateSync(file); // nothing in it is of use to anybody, and those who lock it lock the file itself
    return lockAt(file);
  } catch (error) {
    throw storeError(file, error);
  }
}

function isDamaged(error: unknown): boolean {
  return /^SQLITE_(NOTADB|CORRUPT)/.test(String((error as { code?: unknown }).code));
}

function lockAt(file: string): Lock | undefined {
  const database = connect(file, { timeout: 0 });
  try {
    // With its journal in memory nothing is written: a lock can be had on a full disk too.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return { release: () => database.close() };
  } catch (error) {
    database.close();
    if ((error as { code?: string }).code === 'SQLITE_BUSY') return undefined;
    throw error;
  }
}
