import { existsSync, linkSync, realpathSync, renameSync, rmSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import { syncFolder } from '../process/sync-folder.ts';
import { COMPANIONS } from './companions.ts';
import type { StoreConfig } from './configured.ts';
import { storeError } from './errors.ts';
import { troubleOrMissing } from './place.ts';
import { copyDatabase } from './sqlite/copy.ts';

/**
 * Writes a copy of the database as it is at one moment, while others go on; it is there whole or not at all. Throws
 * OperatorError where the database is none in a file, or one of both files cannot be used.
 */
export function backUp(
  { store, postgres }: StoreConfig,
  to: string,
  { replace }: { replace: boolean },
): void {
  if (postgres !== undefined) throw ofServer(postgres.url);
  if (!existsSync(store)) throw storeError(store, codeOf('SQLITE_CANTOPEN'), troubleOrMissing);
  if (isPartOf(store, to)) throw itself(store, to);
  if (existsSync(to) && !replace) throw exists(to);
  const draft = `${resolve(to)}.${process.pid}.new`;
  try {
    copyDatabase(store, draft);
    if (replace) renameSync(draft, to);
    else linkSync(draft, to);
    syncFolder(dirname(resolve(to)));
  } catch (error) {
    throw unwritten(store, to, error);
  } finally {
    rmSync(draft, { force: true });
  }
}

function codeOf(code: string): Error {
  return Object.assign(new Error('it is not there'), { code });
}

function ofServer(url: string): OperatorError {
  return new OperatorError(`the store is ${url}, which is backed up by PostgreSQL's own means`, {
    exitCode: ExitCode.usage,
    hint: `pg_dump --schema=xapplepush --file=FILE '${url}' has all of it, at one moment`,
  });
}

/** Whether that is the database, or what SQLite keeps beside it, under whatever name. */
function isPartOf(store: string, file: string): boolean {
  const own = realpathSync(store);
  return ['', ...COMPANIONS].some((name) => placeOf(own + name) === placeOf(file));
}

/** Of what is not there, where it would be. */
function placeOf(path: string): string {
  const there = statOf(path);
  if (there !== undefined) return `${there.dev} ${there.ino}`;
  const folder = statOf(dirname(path));
  return folder === undefined ? path : `${folder.dev} ${folder.ino} ${basename(path)}`;
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined; // what is wrong with the way there the copy tells
  }
}

function itself(store: string, file: string): OperatorError {
  return new OperatorError(`${file} is database ${store} itself, or a part of it`, {
    exitCode: ExitCode.usage,
    hint: 'name a file of its own for the copy',
  });
}

function exists(file: string): OperatorError {
  return new OperatorError(`${file} exists already`, {
    exitCode: ExitCode.badInput,
    hint: 'name another file, or replace it: --force',
  });
}

function unwritten(store: string, to: string, error: unknown): OperatorError {
  if ((error as NodeJS.ErrnoException).code === 'EEXIST') return exists(to);
  return new OperatorError(`cannot copy database ${store} to ${to}: ${messageOf(error)}`, {
    exitCode: ExitCode.badInput,
    hint: 'name a file in a folder with room, where the owner of the database may write; as root it works as that one',
    cause: error,
  });
}
