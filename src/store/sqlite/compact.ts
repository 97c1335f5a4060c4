import { statSync } from 'node:fs';
import type { Clock } from '../../process/clock.ts';
import { inTurns } from '../../process/turns.ts';
import type { Compaction } from '../store.ts';
import type { Database } from './driver.ts';

/** PRAGMA auto_vacuum: https://sqlite.org/pragma.html#pragma_auto_vacuum */
const INCREMENTAL = 2;

/** Less is not worth a write; new rows fill it soon. */
const LEAST_FREE_BYTES = 1024 * 1024;

/**
 * A database that was not made with auto_vacuum can only give room back when it is written anew as a whole. That takes
 * about 14 ms for each megabyte in use on two slow cores, so two seconds at most, once: events that come meanwhile
 * go into the spool. Only where at least a quarter of the file is gained.
 */
const LARGEST_REWRITE_BYTES = 128 * 1024 * 1024;
const LEAST_GAIN = 1 / 4;

/** How long a checkpoint that shuts writers out waits for others: it may as well be made by them. */
const CHECKPOINT_TIMEOUT_MS = 10;

/** Gives room that is free in the file back to the file system, while others go on writing. */
export async function compactDatabase(
  database: Database,
  file: string,
  clock: Clock,
  largestRewriteBytes = LARGEST_REWRITE_BYTES,
): Promise<Compaction> {
  database.pragma('wal_checkpoint(PASSIVE)'); // what waits in the log belongs to the file
  const bytesBefore = statSync(file).size;
  const outcome = await giveBack(database, clock, largestRewriteBytes);
  checkpoint(database);
  return { bytesBefore, bytesAfter: statSync(file).size, freeBytes: freeBytesOf(database), ...outcome };
}

/** How much is free within the file, in bytes. */
export function freeBytesOf(database: Database): number {
  return numberOf(database, 'freelist_count') * numberOf(database, 'page_size');
}

async function giveBack(
  database: Database,
  clock: Clock,
  largestRewriteBytes: number,
): Promise<Pick<Compaction, 'blockedMs' | 'tooLarge'>> {
  const freeBytes = freeBytesOf(database);
  if (freeBytes < LEAST_FREE_BYTES) return {};
  if (numberOf(database, 'auto_vacuum') === INCREMENTAL) {
    await truncateInTurns(database, clock);
    return {};
  }
  const bytes = numberOf(database, 'page_count') * numberOf(database, 'page_size');
  if (freeBytes < bytes * LEAST_GAIN) return {};
  if (bytes - freeBytes > largestRewriteBytes) return { tooLarge: true };
  const startMs = clock.steadyMs();
  database.pragma('auto_vacuum = INCREMENTAL'); // takes effect with the next VACUUM
  database.exec('VACUUM');
  return { blockedMs: Math.round(clock.steadyMs() - startMs) };
}

async function truncateInTurns(database: Database, clock: Clock): Promise<void> {
  await inTurns((pages) => {
    database.exec(`PRAGMA incremental_vacuum(${pages})`);
    return Promise.resolve(numberOf(database, 'freelist_count') > 0);
  }, clock);
}

/** The file gets shorter when the log is written into it. The first kind stops nobody, and leaves the second little. */
function checkpoint(database: Database): void {
  const timeoutMs = numberOf(database, 'busy_timeout');
  database.pragma('wal_checkpoint(PASSIVE)');
  database.pragma(`busy_timeout = ${CHECKPOINT_TIMEOUT_MS}`);
  try {
    database.pragma('wal_checkpoint(TRUNCATE)');
  } finally {
    database.pragma(`busy_timeout = ${timeoutMs}`);
  }
}

function numberOf(database: Database, pragma: string): number {
  return database.pragma(pragma, { simple: true }) as number;
}
