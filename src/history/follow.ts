import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import type { Clock } from '../process/clock.ts';
import { type Entry, entryOf } from './entry.ts';
import { currentFile, type Shelf, SHELVES } from './shelf.ts';

/** A person does not notice it, and the disk neither. */
const LOOK_INTERVAL_MS = 300;

export interface FollowOptions {
  folder: string;
  shelves?: readonly Shelf[];
  clock: Clock;
  signal: AbortSignal;
  onEntry: (entry: Entry) => void;
}

/** Gives every entry that is written from now on, until the signal aborts. */
export async function followHistory(options: FollowOptions): Promise<void> {
  const { folder, shelves = SHELVES, clock, signal, onEntry } = options;
  const followers = shelves.map((shelf) => new Follower(currentFile(folder, shelf)));
  try {
    while (!signal.aborted) {
      const entries = followers.flatMap((follower) => follower.take());
      for (const entry of entries.sort((a, b) => a.atMs - b.atMs)) onEntry(entry);
      await clock.sleep(LOOK_INTERVAL_MS, signal);
    }
  } finally {
    for (const follower of followers) follower.close();
  }
}

/** One file, and the next one of that name when this one is full. */
class Follower {
  readonly #path: string;
  readonly #buffer = Buffer.alloc(64 * 1024);
  #descriptor: number | undefined;
  #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(path: string) {
    this.#path = path;
    this.#descriptor = openIfThere(path);
    // What is there already is history; from its end on it is news.
    if (this.#descriptor !== undefined) while (this.#read() > 0);
    this.#rest = '';
  }

  /** What has been written since the last time. */
  take(): Entry[] {
    const entries: Entry[] = [];
    for (let isFull = true; isFull;) {
      this.#descriptor ??= openIfThere(this.#path);
      isFull = this.#isFull(); // asked before the reading, so that its last line is read
      while (this.#read() > 0) entries.push(...this.#entries());
      if (isFull) this.close();
    }
    return entries;
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
    this.#decoder = new StringDecoder('utf8');
    this.#rest = '';
  }

  #read(): number {
    if (this.#descriptor === undefined) return 0;
    const bytes = readSync(this.#descriptor, this.#buffer);
    this.#rest += this.#decoder.write(this.#buffer.subarray(0, bytes));
    return bytes;
  }

  #entries(): Entry[] {
    const lines = this.#rest.split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.flatMap((line) => entryOf(line) ?? []);
  }

  /** True where the file has got another name, because it is full. */
  #isFull(): boolean {
    if (this.#descriptor === undefined) return false;
    return statSync(this.#path, { throwIfNoEntry: false })?.ino !== fstatSync(this.#descriptor).ino;
  }
}

function openIfThere(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false }) === undefined ? undefined : openSync(path, 'r');
}
