import { constants, type Stats, statSync } from 'node:fs';
import type { MailUser } from '../process/mail-user.ts';
import { foldersOnTheWay, refusalOf } from '../process/rights.ts';

type Identity = Pick<MailUser, 'uid' | 'gids'>;

/** What somebody is to do with a file: constants of access(2). */
export type Right = 'read' | 'write' | 'execute';

const BITS: Readonly<Record<Right, number>> = {
  read: constants.R_OK,
  write: constants.W_OK,
  execute: constants.X_OK,
};

/**
 * Undefined where the user may; else what is in the way: a folder that cannot be entered, or the path itself. Of this
 * process's own user the kernel knows; of others the modes tell, without access control lists.
 */
export function closedTo(user: Identity, path: string, rights: readonly Right[]): string | undefined {
  const enter = foldersOnTheWay(path).find((folder) => !may(user, folder, BITS.execute));
  if (enter !== undefined) return enter;
  return rights.every((right) => may(user, path, BITS[right])) ? undefined : path;
}

function may(user: Identity, path: string, bits: number): boolean {
  if (user.uid === process.geteuid?.()) return refusalOf(path, bits) === undefined;
  const stats = statsOf(path);
  return stats === undefined || user.uid === 0 || (bitsFor(user, stats) & bits) === bits;
}

/** Undefined where this process may not look, and so cannot judge. */
function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** Whether it is the file system that lets nobody write there. */
export function isReadOnly(path: string): boolean {
  return refusalOf(path, constants.W_OK) === 'EROFS';
}

/** Also true where this process may not look. */
export function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES';
  }
}

/** The bits of a file's mode that hold for the user (path_resolution(7)). */
function bitsFor({ uid, gids }: Identity, { mode, ...file }: Stats): number {
  if (file.uid === uid) return mode >> 6;
  return gids.includes(file.gid) ? mode >> 3 : mode;
}
