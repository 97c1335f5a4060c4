import { accessSync, constants, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** How a user of this system is called: `user cyrus`, or `user id 999` for one without an entry in passwd(5). */
export function userWithId(uid: number): string {
  const name = nameIn('/etc/passwd', uid);
  return name === undefined ? `user id ${uid}` : `user ${name}`;
}

/** Who this process acts as. */
export function ownUser(): string {
  return userWithId(process.geteuid?.() ?? 0);
}

/** The group of this process, for chgrp(1). */
export function ownGroup(): string {
  const gid = process.getegid?.() ?? 0;
  return nameIn('/etc/group', gid) ?? String(gid);
}

/** What to do for somebody who may not use what belongs to that user. */
export function runAs(uid: number): string {
  return `run the command as root, or as ${userWithId(uid)}, whose it is`;
}

/** The argument of chown(1) for that owner: `cyrus:mail`, and numbers for what has no name. */
export function ownership({ uid, gid }: { uid: number; gid: number }): string {
  return `${nameIn('/etc/passwd', uid) ?? uid}:${nameIn('/etc/group', gid) ?? gid}`;
}

/** The code of errno(3) by which this process may not; access(2) opens nothing, and so releases no lock of SQLite's. */
export function refusalOf(path: string, mode: number): string | undefined {
  try {
    accessSync(path, mode);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

/** The first folder on the way to it that this process may not enter; undefined where the way is open. */
export function closedOnTheWay(path: string): string | undefined {
  return foldersOnTheWay(path).find((folder) => refusalOf(folder, constants.X_OK) === 'EACCES');
}

/** From the root on. */
export function foldersOnTheWay(path: string): string[] {
  const folder = dirname(path);
  return folder === path ? [] : [...foldersOnTheWay(folder), folder];
}

/** Whether this process may not read it, or not even look for it. */
export function isClosed(path: string): boolean {
  return closedOnTheWay(path) !== undefined || refusalOf(path, constants.R_OK) === 'EACCES';
}

/** Looked up in passwd(5) or group(5); names of a directory service are told by their numbers. */
function nameIn(file: string, id: number): string | undefined {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.find((line) => line.split(':')[2] === String(id))?.split(':')[0];
}
