import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/**
 * A directory of raw events that are not in the database yet. A file is written in tmp/ and renamed into new/, so
 * that a reader never sees half of one; a reader renames it into cur/ first, so that no two read the same; bad/
 * keeps what cannot be read, with the reason beside it.
 */
export type SpoolFolder = 'tmp' | 'new' | 'cur' | 'bad';

/** A file in cur/ that is older belongs to a reader that died. */
const READER_TIMEOUT_MS = 60_000;

const CHUNK_BYTES = 64 * 1024;

/** Only the mail user reads whose events these are. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** Keeps a raw event; gives its file. When it returns, the event survives a power cut. Throws errno errors. */
export function writeSpool(spool: string, raw: Buffer, nowMs: number): string {
  for (const folder of ['tmp', 'new'] as const)
    mkdirSync(join(spool, folder), { recursive: true, mode: FOLDER_MODE });
  // Counters restart with each process, so only randomness keeps names apart.
  const name = `${nowMs}.${randomBytes(8).toString('hex')}.json`;
  const draft = join(spool, 'tmp', name);
  const file = join(spool, 'new', name);
  writeFileSync(draft, raw, { mode: FILE_MODE, flag: 'wx', flush: true });
  renameSync(draft, file);
  syncFolder(join(spool, 'new'));
  return file;
}

/** A file that this process alone reads now. */
export interface SpooledEvents {
  file: string;
  /** Its bytes; a link is not followed. */
  read(): Generator<Buffer>;
  /** All of it is in the database. */
  done(): void;
  /** Cannot be taken now: back to where it was. */
  putBack(): void;
  /** Never can be taken: set aside, with the reason beside it. */
  setAside(reason: string): void;
}

/** The files of new/, oldest name first, each claimed for this process when it is reached. */
export function* claimSpool(spool: string, nowMs: number): Generator<SpooledEvents> {
  putBackAbandoned(spool, nowMs);
  for (const name of namesIn(spool, 'new')) {
    mkdirSync(join(spool, 'cur'), { recursive: true, mode: FOLDER_MODE });
    const file = join(spool, 'cur', name);
    if (move(join(spool, 'new', name), file)) yield claimed(spool, name, file);
  }
}

/** How many files wait to be read. */
export function countSpool(spool: string): number {
  return namesIn(spool, 'new').length;
}

function claimed(spool: string, name: string, file: string): SpooledEvents {
  return {
    file,
    read: () => chunksOf(file),
    done: () => {
      rmSync(file, { force: true });
    },
    putBack: () => {
      move(file, join(spool, 'new', name));
    },
    setAside: (reason) => {
      mkdirSync(join(spool, 'bad'), { recursive: true, mode: FOLDER_MODE });
      writeFileSync(join(spool, 'bad', `${name}.reason`), `${reason}\n`, { mode: FILE_MODE });
      move(file, join(spool, 'bad', name));
    },
  };
}

function* chunksOf(file: string): Generator<Buffer> {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let bytes; (bytes = readSync(descriptor, buffer)) > 0;) yield Buffer.from(buffer.subarray(0, bytes));
  } finally {
    closeSync(descriptor);
  }
}

function putBackAbandoned(spool: string, nowMs: number): void {
  for (const name of namesIn(spool, 'cur')) {
    const file = join(spool, 'cur', name);
    const claimedMs = statSync(file, { throwIfNoEntry: false })?.ctimeMs;
    if (claimedMs !== undefined && nowMs - claimedMs > READER_TIMEOUT_MS)
      move(file, join(spool, 'new', name));
  }
}

function namesIn(spool: string, folder: SpoolFolder): string[] {
  const path = join(spool, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path)
    .filter((name) => !name.startsWith('.'))
    .sort();
}

/** False where another reader was quicker. */
function move(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
