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
      removeBrought(await bring(verbs, sending.host, shelf, path), sending, nowMs);
    }
    shelve(sending.folder, shelf, nowMs);
  }
}

/** A file as it was when it was brought. */
export interface Brought {
  shelf: Shelf;
  path: string;
  bytes: number;
  /** Whole or not. */
  lines: number;
  /** Of these, those that are in the store now. */
  entries: number;
}

/**
 * Brings all of it at once, while no `serve` does, and leaves the files where they are: begun anew it doubles none, and
 * nor does a `serve` that finds them there. Throws StoreError.
 */
export async function bringAlong(
  verbs: SharedVerbs,
  { folder, host }: Pick<Sending, 'folder' | 'host'>,
  nowMs: number,
): Promise<Brought[]> {
  const brought: Brought[] = [];
  for (const shelf of SHELVES) {
    shelve(folder, shelf, nowMs);
    for (const { path } of fullFiles(folder, shelf).reverse())
      brought.push(await bring(verbs, host, shelf, path));
  }
  return brought;
}

/** A file that was brought and not removed, because the process was killed, is the same batch the next time. */
async function bring(verbs: SharedVerbs, host: string, shelf: Shelf, path: string): Promise<Brought> {
  const content = contentOf(path);
  const batch = batchOf(content, { batch: nameOf(host, path, content), host, shelf });
  if (batch !== undefined) await verbs.keepHistory(batch);
  const lines = content.toString('latin1').split('\n').filter(Boolean).length;
  return { shelf, path, bytes: content.length, lines, entries: batch?.entries ?? 0 };
}

/** What a process has added to it since, which was stopped while it wrote, is written anew. */
export function removeBrought(
  { shelf, path, bytes }: Brought,
  { folder, bounds }: Pick<Sending, 'folder' | 'bounds'>,
  nowMs: number,
): void {
  const late = contentOf(path).subarray(bytes).toString('utf8');
  rmSync(path, { force: true });
  if (late !== '') append(folder, shelf, late, bounds, nowMs);
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
