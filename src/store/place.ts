import { constants, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { closedOnTheWay, ownership, ownUser, refusalOf, runAs } from '../process/rights.ts';

/** What is wrong, and the fix. */
export interface PlaceTrouble {
  message: string;
  hint: string;
}

/**
 * Why the file system does not let this process use the database; undefined where it does. SQLite has one code for a
 * file that is missing, one that may not be read and one on a read-only disk.
 */
export function troubleOfPlace(file: string): PlaceTrouble | undefined {
  const folder = dirname(file);
  const closed = closedOnTheWay(file);
  if (closed !== undefined)
    return {
      message: `${ownUser()} may not enter ${closed}, on the way to database ${file}`,
      hint: openTo(closed),
    };
  if (!isThere(folder)) return undefined;
  return troubleOfFiles(file) ?? troubleOfFolder(folder, file);
}

/** The same for those who do not make it: to them it is missing where nothing else is wrong. */
export function troubleOrMissing(file: string): PlaceTrouble | undefined {
  const trouble = troubleOfPlace(file);
  return trouble ?? (isThere(dirname(file)) && !isThere(file) ? missing(file) : undefined);
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** https://sqlite.org/walformat.html: the files of a database in WAL mode. */
function troubleOfFiles(file: string): PlaceTrouble | undefined {
  const { R_OK, W_OK } = constants;
  for (const path of [file, `${file}-wal`, `${file}-shm`].filter(isThere)) {
    const refusal = refusalOf(path, R_OK | W_OK);
    if (refusal === 'EROFS') return readOnly(file);
    if (refusal === 'EACCES') {
      const verb = refusalOf(path, R_OK) === undefined ? 'write to' : 'read';
      return {
        message: `${ownUser()} may not ${verb} database file ${path}`,
        hint: giveTo(path, dirname(file)),
      };
    }
  }
  return undefined;
}

/** SQLite makes further files beside the database, and extends them. */
function troubleOfFolder(folder: string, file: string): PlaceTrouble | undefined {
  const refusal = refusalOf(folder, constants.W_OK);
  if (refusal === 'EROFS') return readOnly(file);
  if (refusal === 'EACCES')
    return {
      message: `${ownUser()} may not write into ${folder}, where database ${file} belongs`,
      hint: openTo(folder),
    };
  if (isFull(folder))
    return {
      message: `no space left for database ${file}`,
      hint: `make room on its file system: df -h ${folder}`,
    };
  return undefined;
}

function readOnly(file: string): PlaceTrouble {
  return {
    message: `database ${file} is on a file system that is read-only`,
    hint: `mount it for writing; see which it is: df ${dirname(file)}`,
  };
}

function missing(file: string): PlaceTrouble {
  return {
    message: `there is no database ${file} yet`,
    hint: 'the first device that registers makes it; whether devices can register: xapplepush check',
  };
}

/** The file belongs to whom the folder belongs to, as whom the program works. */
function giveTo(path: string, folder: string): string {
  const owner = statSync(folder);
  return owner.uid === process.geteuid?.() || statSync(path).uid !== owner.uid
    ? `chown ${ownership(owner)} ${path} && chmod 0600 ${path}`
    : runAs(owner.uid);
}

function openTo(folder: string): string {
  const { uid } = statSync(folder);
  if (uid !== 0) return runAs(uid);
  return `it must belong to the user that the mail server runs as: chown -R cyrus:mail ${folder}`;
}

/** The index of the write-ahead log grows by so much at once. */
const ROOM_BYTES = 32 * 1024;

function isFull(folder: string): boolean {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize < ROOM_BYTES;
}
