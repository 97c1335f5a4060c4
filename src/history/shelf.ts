import { closeSync, constants, fstatSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isMissing } from '../process/errors.ts';

/** What concerns a device, and the far greater rest. */
export const SHELVES = ['devices', 'others'] as const;
export type Shelf = (typeof SHELVES)[number];

/** A file that is full: when its last line was written, and how many it has. Both are in its name. */
export interface FullFile {
  path: string;
  endMs: number;
  lines: number;
}

export interface Bounds {
  /** Lines, on each shelf. */
  maxEntries: number;
  maxAgeMs: number;
}

/** Some four thousand lines: small enough to be counted when it is full. */
const FULL_BYTES = 1024 * 1024;

// Without waiting, as the log: nothing that lies there instead of a file holds up mail.
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

/** Appends whole lines to a shelf, by whatever number of processes; now and then throws away what is too old. */
export function append(folder: string, shelf: Shelf, lines: string, bounds: Bounds, nowMs: number): void {
  const path = currentFile(folder, shelf);
  const descriptor = openOrMake(folder, path);
  try {
    writeSync(descriptor, lines);
    const { size, ino } = fstatSync(descriptor);
    if (size < FULL_BYTES || ino !== statSync(path, { throwIfNoEntry: false })?.ino) return;
  } finally {
    closeSync(descriptor);
  }
  shelve(folder, shelf, nowMs);
  discardOld(folder, shelf, bounds, { nowMs, dryRun: false });
}

/** The file that is written to now. */
export function currentFile(folder: string, shelf: Shelf): string {
  return join(folder, `${shelf}.jsonl`);
}

function openOrMake(folder: string, path: string): number {
  try {
    return openSync(path, APPEND, 0o600);
  } catch (error) {
    if (!isMissing(error)) throw error;
    mkdirSync(folder, { mode: 0o700 });
    return openSync(path, APPEND, 0o600);
  }
}

/** Gives the current file its name among the full ones. Another process may do it at the same moment: then there is nothing left to do. */
export function shelve(folder: string, shelf: Shelf, nowMs: number): void {
  const path = currentFile(folder, shelf);
  try {
    const lines = readFileSync(path, 'latin1').split('\n').length - 1;
    renameSync(path, join(folder, `${shelf}.${nowMs}.${lines}.jsonl`));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** Full files whose newest line is too old, or that come after as many lines as are kept. Gives the bytes they had. */
export function discardOld(
  folder: string,
  shelf: Shelf,
  bounds: Bounds,
  { nowMs, dryRun }: { nowMs: number; dryRun: boolean },
): number {
  let kept = 0;
  let freedBytes = 0;
  for (const { path, endMs, lines } of fullFiles(folder, shelf)) {
    if (kept >= bounds.maxEntries || nowMs - endMs > bounds.maxAgeMs) {
      freedBytes += statSync(path, { throwIfNoEntry: false })?.size ?? 0;
      if (!dryRun) rmSync(path, { force: true });
    }
    kept += lines;
  }
  return freedBytes;
}

/** Newest first; none where there is no history yet. */
export function fullFiles(folder: string, shelf: Shelf): FullFile[] {
  return namesIn(folder)
    .flatMap((name) => {
      const [, of, endMs, lines] = /^(\w+)\.(\d+)\.(\d+)\.jsonl$/.exec(name) ?? [];
      return of === shelf ? [{ path: join(folder, name), endMs: Number(endMs), lines: Number(lines) }] : [];
    })
    .sort((a, b) => b.endMs - a.endMs);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
