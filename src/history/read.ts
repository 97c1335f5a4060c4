import { readFileSync } from 'node:fs';
import { isMissing } from '../process/errors.ts';
import { type Entry, entryOf } from './entry.ts';
import { currentFile, fullFiles, type Shelf, SHELVES } from './shelf.ts';

export interface Selection {
  /** At most so many, the newest. */
  limit: number;
  sinceMs: number;
  /** On each shelf. */
  maxEntries: number;
  shelves?: readonly Shelf[];
  wanted: (entry: Entry) => boolean;
  /** Where only entries about one user are wanted: an index by users leads to them. */
  user?: string | undefined;
}

/** The newest entries that are wanted, oldest first. Reads no more of the files than it needs. */
export function readHistory(folder: string, selection: Selection): Entry[] {
  const { limit, sinceMs, maxEntries, shelves = SHELVES, wanted } = selection;
  const sources = shelves.map((shelf) => newestFirst(folder, shelf, maxEntries));
  const found: Entry[] = [];
  if (limit === 0) return found;
  for (const entry of newestOfAll(sources)) {
    if (entry.atMs < sinceMs) break;
    if (wanted(entry)) found.push(entry);
    if (found.length >= limit) break;
  }
  return found.reverse();
}

/** The entries of a shelf, from the newest on. */
function* newestFirst(folder: string, shelf: Shelf, maxEntries: number): Generator<Entry> {
  let count = 0;
  const files = [currentFile(folder, shelf), ...fullFiles(folder, shelf).map(({ path }) => path)];
  for (const file of files)
    for (const line of linesOf(file).reverse()) {
      const entry = entryOf(line);
      if (entry === undefined) continue;
      if ((count += 1) > maxEntries) return;
      yield entry;
    }
}

/** A file may be gone: it was too old, or has just been given another name. */
function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(0, -1);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Of several sources, each newest first, always the newest. */
function* newestOfAll(sources: readonly Iterator<Entry>[]): Generator<Entry> {
  const heads = sources.map((source) => ({ source, next: source.next() }));
  for (;;) {
    const open = heads.filter(({ next }) => next.done !== true);
    const [first] = open.sort((a, b) => atMs(b.next) - atMs(a.next));
    if (first === undefined || first.next.done === true) return;
    yield first.next.value;
    first.next = first.source.next();
  }
}

function atMs(next: IteratorResult<Entry, unknown>): number {
  return next.done === true ? -Infinity : next.value.atMs;
}
