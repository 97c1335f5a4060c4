import { randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMissing } from '../process/errors.ts';
import { syncFolder } from '../process/sync-folder.ts';
import { visible } from '../process/text.ts';
import { readSpoolFile } from './file.ts';
import { newName, type Origin, originOf } from './name.ts';
import { isAbandoned, nameForUse, partsOf } from './use.ts';

/**
 * A directory of raw events that are not in the database yet. A file is written in tmp/ and renamed into new/, so
 * that a reader never sees half of one; a reader renames it into cur/ first, so that no two read the same; bad/
 * keeps what cannot be read, with the reason beside it.
 */
export type SpoolFolder = 'tmp' | 'new' | 'cur' | 'bad';

/** Longest name that is kept in bad/, in bytes; with `.reason` it must not pass the 255 of Linux. */
const MAX_BAD_NAME_BYTES = 200;

/** Bad files kept for a person to look at; the oldest beyond these are removed, so that they do not fill the disk. */
export const MAX_BAD_FILES = 1000;

/** Only the mail user reads whose events these are. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** Keeps a raw event; gives its file. When it returns, the event survives a power cut. Throws errno errors. */
export function writeSpool(spool: string, raw: Buffer, nowMs: number, origin: Origin = {}): string {
  for (const folder of ['tmp', 'new'] as const)
    mkdirSync(join(spool, folder), { recursive: true, mode: FOLDER_MODE });
  const name = newName(nowMs, origin);
  const draft = join(spool, 'tmp', nameForUse(name));
  const file = join(spool, 'new', name);
  try {
    writeFileSync(draft, raw, { mode: FILE_MODE, flag: 'wx', flush: true });
    utimesSync(draft, nowMs / 1000, nowMs / 1000);
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true }); // whoever gave the event hears that it is not kept, and gives it again
    throw error;
  }
  syncFolder(join(spool, 'new'));
  return file;
}

/** A file that this process alone reads now. */
export interface SpooledEvents extends Required<Origin> {
  file: string;
  /** When it was written, which is when its events happened, in milliseconds since the epoch. */
  writtenMs: number;
  /** Its bytes. Throws UnfitFileError for what never can be read, such as a link, which is not followed. */
  read(): Generator<Buffer>;
  /** Keeps this part of it as a file of its own, of the same time, so that with the rest it may be done. Throws errno errors. */
  keepApart(part: Buffer): void;
  /** All of it is in the database, or kept apart. */
  done(): void;
  /** Cannot be taken now: back to where it was. */
  putBack(): void;
  /** Never can be taken: set aside, with the reason beside it. Gives where it is now. */
  setAside(reason: string): string;
}

/**
 * The files of new/, the oldest first, each claimed for this process when it is reached; among them those whose reader
 * or writer died, of which a whole event is left, or half of one. One that may not be claimed stays where it is and is
 * told to `onStuck`. Throws errno errors where the spool cannot be read.
 */
export function* claimSpool(
  spool: string,
  nowMs: number,
  onStuck: (file: string, error: unknown) => void = rethrow,
): Generator<SpooledEvents> {
  takeAbandoned(spool, 'cur', nowMs);
  try {
    takeAbandoned(spool, 'tmp', nowMs);
  } catch (error) {
    onStuck(join(spool, 'tmp'), error);
  }
  const files = oldestFirst(spool, 'new');
  if (files.length > 0) mkdirSync(join(spool, 'cur'), { recursive: true, mode: FOLDER_MODE });
  for (const { name, writtenMs } of files) {
    const [waiting, file] = [join(spool, 'new', name), join(spool, 'cur', nameForUse(name))];
    try {
      if (!move(waiting, file)) continue;
    } catch (error) {
      onStuck(waiting, error);
      continue;
    }
    yield claimed(spool, name, file, writtenMs);
  }
}

/** How many files were set aside; each has its reason beside it. */
export function countBad(spool: string): number {
  return namesIn(spool, 'bad').filter((name) => !name.endsWith('.reason')).length;
}

function rethrow(_file: string, error: unknown): never {
  throw error;
}

function claimed(spool: string, name: string, file: string, mtimeMs: number): SpooledEvents {
  const origin = originOf(name);
  return {
    file,
    ...origin,
    writtenMs: Math.round(mtimeMs),
    read: () => readSpoolFile(file),
    keepApart: (part) => void writeSpool(spool, part, mtimeMs, origin),
    done: () => {
      rmSync(file, { force: true });
    },
    putBack: () => {
      move(file, join(spool, 'new', name));
    },
    setAside: (reason) => {
      mkdirSync(join(spool, 'bad'), { recursive: true, mode: FOLDER_MODE });
      const aside = join(spool, 'bad', nameForBad(spool, name));
      writeFileSync(`${aside}.reason`, `${visible(reason)}\n`, { mode: FILE_MODE, flag: 'wx' });
      if (!move(file, aside)) rmSync(`${aside}.reason`);
      removeOldestBad(spool);
      return aside;
    },
  };
}

function removeOldestBad(spool: string): void {
  const names = oldestFirst(spool, 'bad').flatMap(({ name }) => (name.endsWith('.reason') ? [] : [name]));
  for (const name of names.slice(0, Math.max(0, names.length - MAX_BAD_FILES)))
    for (const gone of [name, `${name}.reason`])
      rmSync(join(spool, 'bad', gone), { recursive: true, force: true });
}

/** Its own name, unless that is too long or would overwrite what was set aside before. */
function nameForBad(spool: string, name: string): string {
  const isFree = (each: string): boolean => changed(join(spool, 'bad', each)) === undefined;
  const fits = Buffer.byteLength(name) <= MAX_BAD_NAME_BYTES;
  if (fits && isFree(name) && isFree(`${name}.reason`)) return name;
  return `${name.slice(0, 40)}.${randomBytes(8).toString('hex')}`;
}

/** Takes what a reader of cur/ or a writer of tmp/ that died has left. */
function takeAbandoned(spool: string, folder: 'tmp' | 'cur', nowMs: number): void {
  for (const used of namesIn(spool, folder)) {
    const file = join(spool, folder, used);
    const { name, user } = partsOf(used);
    const touchedMs = changed(file)?.ctimeMs;
    if (touchedMs !== undefined && isAbandoned(folder, user, nowMs - touchedMs))
      move(file, join(spool, 'new', name));
  }
}

/** By the time of the last write, then by name: writers make their names in different ways. */
function oldestFirst(spool: string, folder: SpoolFolder): { name: string; writtenMs: number }[] {
  return namesIn(spool, folder)
    .map((name) => ({ name, writtenMs: changed(join(spool, folder, name))?.mtimeMs ?? 0 }))
    .sort((a, b) => a.writtenMs - b.writtenMs || (a.name < b.name ? -1 : 1));
}

/** The names in a folder of the spool, without those that begin with a dot; none where there is no such folder. */
export function namesIn(spool: string, folder: SpoolFolder): string[] {
  try {
    return readdirSync(join(spool, folder)).filter((name) => !name.startsWith('.'));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** When it was changed, and its bytes; undefined where it is gone. A link is not followed. */
export function changed(path: string): { mtimeMs: number; ctimeMs: number; size: number } | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** False where another reader was quicker. */
function move(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
