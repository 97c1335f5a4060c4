import { closeSync, constants, fstatSync, futimesSync, lstatSync, openSync, readSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { messageOf } from '../process/errors.ts';
import { MAX_EVENT_BYTES } from '../events/read.ts';

/** Longest file, in bytes. Our writers put one event, or one transaction of Dovecot, into a file. */
export const MAX_SPOOL_FILE_BYTES = 16 * MAX_EVENT_BYTES;

const CHUNK_BYTES = 64 * 1024;

/** Every file is read into it: what comes is copied before another one is read. */
const buffer = Buffer.allocUnsafe(CHUNK_BYTES);

/** What lies there can never be read as events, however often it is tried. */
export class UnfitFileError extends Error {
  override name = 'UnfitFileError';
}

/**
 * The bytes of a spooled file, in pieces. Throws UnfitFileError for what is no plain file, may not be read or is
 * too long. Each further piece renews the time of the file's last change, by which others see that somebody reads it.
 */
export function* readSpoolFile(file: string): Generator<Buffer> {
  const opened = openSpoolFile(file);
  if (opened === undefined) return;
  const { descriptor, stats } = opened;
  try {
    let total = 0;
    for (let bytes; (bytes = readSync(descriptor, buffer)) > 0;) {
      if (total > 0) renew(descriptor, stats);
      total += bytes;
      checkSize(total); // it may grow meanwhile
      yield Buffer.from(buffer.subarray(0, bytes));
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Undefined where it is gone: a reader that took this one for dead has it now. */
function openSpoolFile(file: string): { descriptor: number; stats: Stats } | undefined {
  let descriptor: number | undefined;
  try {
    checkKind(lstatSync(file));
    // Should it be another thing by now: a link is not followed, and a FIFO not waited for (open(2)).
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = fstatSync(descriptor);
    checkKind(stats);
    checkSize(stats.size);
    return { descriptor, stats };
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor);
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    // Left where it is, it would be told at every turn and fixed at none: permissions are the operator's to fix.
    if (code === 'EACCES' || code === 'ELOOP')
      throw new UnfitFileError(`cannot be read: ${messageOf(error)}`);
    throw error;
  }
}

function checkKind(stats: Stats): void {
  if (stats.isFile()) return;
  throw new UnfitFileError(`${kindOf(stats)}, expected a plain file`);
}

function kindOf(stats: Stats): string {
  if (stats.isSymbolicLink()) return 'a symbolic link (ELOOP)';
  if (stats.isDirectory()) return 'a folder (EISDIR)';
  return stats.isFIFO() ? 'a FIFO' : stats.isSocket() ? 'a socket' : 'a device';
}

function checkSize(bytes: number): void {
  if (bytes <= MAX_SPOOL_FILE_BYTES) return;
  throw new UnfitFileError(`longer than ${MAX_SPOOL_FILE_BYTES} bytes`);
}

/** Setting any time changes ctime; that of the last write stays, because it says whose turn it is. */
function renew(descriptor: number, { mtime }: Stats): void {
  try {
    futimesSync(descriptor, new Date(), mtime);
  } catch (error) {
    // Another owner's file can be read through an ACL, and keeps the time at which it was claimed.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  }
}
