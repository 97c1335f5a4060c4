import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { isMissing } from '../process/errors.ts';
import type { HistoryBatch, SharedVerbs } from '../store/shared.ts';
import { type Entry, entryOf } from './entry.ts';
import { indexedUsers } from './indexed-users.ts';
import { append, type Bounds, fullFiles, type Shelf, shelve, SHELVES } from './shelf.ts';

export interface Sending {
  folder: string;
  /** Its name. */
  host: string;
  bounds: Bounds;
}

/**
 * Brings what this host's processes have written into the store that hosts share, the oldest first. What is written now
 * is set aside, and brought the next time: then nobody is still writing into it. Where the store is away everything
 * stays in the files, as much as their bounds allow. Ends between two files when `isOver`. Throws StoreError.
 */
export async function sendHistory(
  verbs: SharedVerbs,
  sending: Sending,
  nowMs: number,
  isOver: () => boolean = () => false,
): Promise<void> {
  for (const shelf of SHELVES) {
    const files = fullFiles(sending.folder, shelf).reverse();
    for (const { path } of files) {
      if (isOver()) return;
      await sendFile(verbs, sending, { shelf, path, nowMs });
    }
    shelve(sending.folder, shelf, nowMs);
  }
}

export interface Brought {
  /** Entries in the files. */
  here: number;
  /** Of these, in the store. */
  there: number;
  /** Where they lie. */
  paths: readonly string[];
}

/**
 * Brings all of it at once, while no `serve` does, and leaves the files where they are: begun anew it doubles none, and
 * nor does a `serve` that finds them there. Throws StoreError.
 */
export async function bringAlong(
  verbs: SharedVerbs,
  { folder, host }: Pick<Sending, 'folder' | 'host'>,
  nowMs: number,
): Promise<Brought> {
  const paths: string[] = [];
  let here = 0;
  let there = 0;
  for (const shelf of SHELVES) {
    shelve(folder, shelf, nowMs);
    for (const { path } of fullFiles(folder, shelf).reverse()) {
      const content = contentOf(path);
      const batch = batchOf(content, { batch: nameOf(host, path, content), host, shelf });
      here += linesIn(content);
      if (batch === undefined) continue;
      await verbs.keepHistory(batch);
      there += batch.entries;
      paths.push(path);
    }
  }
  return { here, there, paths };
}

function linesIn(content: Buffer): number {
  return content.toString('latin1').split('\n').filter(Boolean).length;
}

/** A file that was sent and not removed, because the process was killed, is the same batch the next time. */
async function sendFile(
  verbs: SharedVerbs,
  { folder, host, bounds }: Sending,
  { shelf, path, nowMs }: { shelf: Shelf; path: string; nowMs: number },
): Promise<void> {
  const content = contentOf(path);
  const batch = batchOf(content, { batch: nameOf(host, path, content), host, shelf });
  if (batch !== undefined) await verbs.keepHistory(batch);
  const late = contentOf(path).subarray(content.length).toString('utf8');
  rmSync(path, { force: true });
  if (late !== '') append(folder, shelf, late, bounds, nowMs); // of a process that was stopped while it wrote
}

/** Nothing where it was too old meanwhile, or another `serve` of this host has sent it. */
function contentOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isMissing(error)) return Buffer.alloc(0);
    throw error;
  }
}

function nameOf(host: string, path: string, content: Buffer): string {
  return createHash('sha256').update(`${host} ${path}\n`).update(content).digest('hex').slice(0, 32);
}

/** Undefined where no line of it is an entry. */
function batchOf(
  content: Buffer,
  named: Pick<HistoryBatch, 'batch' | 'host' | 'shelf'>,
): HistoryBatch | undefined {
  const lines: string[] = [];
  const entries: Entry[] = [];
  for (const line of content.toString('utf8').split('\n')) {
    const entry = entryOf(line);
    if (entry === undefined || !Number.isSafeInteger(entry.atMs)) continue;
    lines.push(line);
    entries.push(entry);
  }
  if (entries.length === 0) return undefined;
  const untilMs = entries.reduce((latestMs, { atMs }) => Math.max(latestMs, atMs), -Infinity);
  return { ...named, untilMs, entries: lines.length, users: indexedUsers(entries), lines: lines.join('\n') };
}
