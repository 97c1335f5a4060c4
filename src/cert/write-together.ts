import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import { syncFolder } from '../process/sync-folder.ts';

export interface NewFile {
  path: string;
  content: string;
  mode: number;
}

export interface WriteOptions {
  /** Who the files belong to where root writes them. */
  owner: { uid: number; gid: number };
  /** Whether files that are there already may be replaced. */
  replace: boolean;
}

/**
 * Writes files of one folder whole, and all of them or none: each is complete under another name before the first
 * takes its place, and where one cannot, the others are taken back. Throws OperatorError, exit 65.
 */
export function writeTogether(files: readonly NewFile[], options: WriteOptions): void {
  const taken = files.filter(({ path }) => existsSync(path)).map(({ path }) => path);
  if (taken.length > 0 && !options.replace) throw exists(taken);
  const mark = randomBytes(6).toString('hex');
  const places = files.map((file) => ({
    ...file,
    fresh: `${file.path}.new-${mark}`,
    former: `${file.path}.old-${mark}`,
  }));
  try {
    for (const place of places) writeFresh(place, options.owner);
    putAllInPlace(places, options.replace);
    for (const folder of new Set(files.map(({ path }) => dirname(path)))) syncFolder(folder);
  } catch (error) {
    throw error instanceof OperatorError ? error : unwritable(files, error);
  } finally {
    for (const { fresh, former } of places) for (const file of [fresh, former]) rmSync(file, { force: true });
  }
}

interface Place extends NewFile {
  /** The new content until it is in its place. */
  fresh: string;
  /** A second name of what was there before. */
  former: string;
}

function writeFresh({ fresh, content, mode }: Place, { uid, gid }: WriteOptions['owner']): void {
  const fd = openSync(fresh, 'wx', 0o600); // follows no link and takes nothing that is there
  try {
    if (process.geteuid?.() === 0) fchownSync(fd, uid, gid);
    fchmodSync(fd, mode);
    writeFileSync(fd, content);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function putAllInPlace(places: readonly Place[], replace: boolean): void {
  const done: Place[] = [];
  try {
    for (const place of places) {
      putInPlace(place, replace);
      done.push(place);
    }
  } catch (error) {
    for (const { path, former } of done.reverse()) {
      if (existsSync(former)) renameSync(former, path);
      else rmSync(path);
    }
    throw error;
  }
}

function putInPlace({ path, fresh, former }: Place, replace: boolean): void {
  if (!replace) {
    linkSync(fresh, path); // fails where somebody was faster, which rename(2) would not
    return;
  }
  if (existsSync(path)) linkSync(path, former);
  renameSync(fresh, path);
}

function exists(paths: string[]): OperatorError {
  return new OperatorError(`there is already ${paths.join(' and ')}`, {
    exitCode: ExitCode.badInput,
    hint: 'add --force to replace what is there, or name another folder with --to',
  });
}

function unwritable(files: readonly NewFile[], error: unknown): OperatorError {
  const paths = files.map(({ path }) => path).join(' and ');
  return new OperatorError(`cannot write ${paths}, so nothing was changed: ${messageOf(error)}`, {
    exitCode: ExitCode.badInput,
    hint: 'name a folder with --to that this user can write to',
    cause: error,
  });
}
