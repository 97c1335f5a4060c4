import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SharedVerbs } from '../store/shared.ts';
import { lineOf } from './entry.ts';
import { newestFirst } from './shared.ts';
import { fullFiles, type Shelf, SHELVES } from './shelf.ts';

/** As many as a full file has. */
const ENTRIES_A_FILE = 4000;

/**
 * Writes what hosts have shared into files of one host. The same entries make the same files: begun anew after it was
 * broken off, it doubles none. Gives how many there are in the store, and how many of them lie in the files.
 */
export async function bringBack(
  verbs: SharedVerbs,
  folder: string,
): Promise<{ here: number; there: number }> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const written = new Set<string>();
  let here = 0;
  for (const shelf of SHELVES)
    for await (const lines of filesOf(verbs, shelf)) {
      here += lines.lines.length;
      written.add(write(folder, shelf, lines));
    }
  const files = SHELVES.flatMap((shelf) => fullFiles(folder, shelf)).filter(({ path }) => written.has(path));
  const there = files.reduce((sum, { path }) => sum + readFileSync(path, 'latin1').split('\n').length - 1, 0);
  return { here, there };
}

interface FileToCome {
  /** Oldest first. */
  lines: string[];
  endMs: number;
}

/** The newest first. By their ends they are told apart and put in order, so no two have the same one. */
async function* filesOf(verbs: SharedVerbs, shelf: Shelf): AsyncGenerator<FileToCome> {
  let file: FileToCome | undefined;
  let lastEndMs = Infinity;
  for await (const { entry } of newestFirst(verbs, { shelves: [shelf], sinceMs: 0 })) {
    if (file?.lines.length === ENTRIES_A_FILE) {
      yield { ...file, lines: file.lines.reverse() };
      lastEndMs = file.endMs;
      file = undefined;
    }
    file ??= { lines: [], endMs: Math.min(entry.atMs, lastEndMs - 1) };
    file.lines.push(lineOf(entry));
  }
  if (file !== undefined) yield { ...file, lines: file.lines.reverse() };
}

function write(folder: string, shelf: Shelf, { lines, endMs }: FileToCome): string {
  const path = join(folder, `${shelf}.${endMs}.${lines.length}.jsonl`);
  const draft = join(folder, 'coming');
  writeFileSync(draft, lines.join(''), { mode: 0o600 });
  renameSync(draft, path);
  return path;
}
