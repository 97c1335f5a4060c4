import { execFileSync } from 'node:child_process';
import { accessSync, constants, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Somebody whom the mail server runs programs as. */
export interface MailUser {
  /** For people and chown(1). */
  name: string;
  uid: number;
  gids: readonly number[];
}

/** Where id(1) is. */
const USUAL_PATH = '/usr/bin:/bin';

/** By name or number; undefined where there is none. */
export function userCalled(name: string): MailUser | undefined {
  if (/^\d+$/.test(name)) return { name, uid: Number(name), gids: [Number(name)] };
  const idOf = (flag: '-u' | '-G'): string =>
    execFileSync('id', [flag, '--', name], {
      ...{ encoding: 'utf8', stdio: 'pipe', env: { PATH: USUAL_PATH } },
    });
  try {
    return { name, uid: Number(idOf('-u')), gids: idOf('-G').trim().split(' ').map(Number) };
  } catch {
    return undefined; // id(1) knows nobody of that name
  }
}

/** Whose a folder is. */
export function ownerOf(folder: string): MailUser {
  const { uid, gid } = statSync(folder);
  return { name: String(uid), uid, gids: [gid] };
}

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
export function closedTo(user: MailUser, path: string, rights: readonly Right[]): string | undefined {
  const enter = ancestorsOf(path).find((folder) => !may(user, folder, BITS.execute));
  if (enter !== undefined) return enter;
  return rights.every((right) => may(user, path, BITS[right])) ? undefined : path;
}

/** From the root on. */
function ancestorsOf(path: string): string[] {
  const folder = dirname(path);
  return folder === path ? [] : [...ancestorsOf(folder), folder];
}

function may(user: MailUser, path: string, bits: number): boolean {
  if (user.uid === process.geteuid?.()) return isAccessible(path, bits);
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

/** Also true where this process may not look. */
export function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES';
  }
}

function isAccessible(path: string, bits: number): boolean {
  try {
    accessSync(path, bits);
    return true;
  } catch {
    return false; // for whatever reason: it cannot be used so
  }
}

/** Of a file's mode, those that hold for the user (path_resolution(7)). */
function bitsFor({ uid, gids }: MailUser, { mode, ...file }: Stats): number {
  if (file.uid === uid) return mode >> 6;
  return gids.includes(file.gid) ? mode >> 3 : mode;
}
