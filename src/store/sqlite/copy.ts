import { closeSync, fsyncSync, openSync } from 'node:fs';
import { connect } from './driver.ts';

/** Only the mail user reads who has which device. */
const UMASK = 0o177;

/**
 * Writes the database as it is at one moment into a file that is not there yet. VACUUM INTO reads in one transaction,
 * for which nobody waits (https://sqlite.org/lang_vacuum.html); the API for backups would begin anew with each event.
 */
export function copyDatabase(file: string, copy: string): void {
  const umask = process.umask(UMASK);
  try {
    const database = connect(file, { fileMustExist: true });
    try {
      database.prepare('VACUUM INTO ?').run(copy);
    } finally {
      database.close();
    }
    makeReady(copy);
  } finally {
    process.umask(umask);
  }
}

/** WAL is what the copy of a database has not; see create.ts. */
function makeReady(copy: string): void {
  const database = connect(copy, { fileMustExist: true });
  try {
    database.pragma('journal_mode = WAL');
  } finally {
    database.close();
  }
  const fd = openSync(copy, 'r');
  fsyncSync(fd);
  closeSync(fd);
}
