import { chmodSync, existsSync, linkSync, mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Database } from './driver.ts';
import { CURRENT_VERSION, writeSchema } from './migrations.ts';

/** Only the mail user reads who has which device. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o750;

type Connect = (file: string) => Database;

/**
 * Makes the database file, and its folder where only that is missing, unless it exists.
 * The file is made complete under another name and then linked, so that no other process, however many
 * start together, ever sees half a database.
 */
export function createDatabaseFile(file: string, connect: Connect): void {
  if (existsSync(file)) return;
  makeFolder(dirname(file));
  const draft = `${file}.${process.pid}.new`;
  try {
    writeDraft(draft, connect);
    linkUnlessThere(draft, file);
  } finally {
    rmSync(draft, { force: true });
  }
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
