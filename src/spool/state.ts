import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { changed, countBad, namesIn } from './spool.ts';

/** What lies in the spool. Times are milliseconds since the epoch. */
export interface SpoolState {
  waiting: number;
  /** When the oldest waiting file was written; undefined where none waits. */
  oldestMs: number | undefined;
  bad: number;
  /** What was set aside last, and why; undefined where nothing was. */
  newestBad: { file: string; reason: string } | undefined;
}

const REASON = '.reason';

/** What is shown of a reason; ours are one short line. */
const MAX_REASON_BYTES = 500;

/** Looks at the spool and changes nothing. Throws errno errors where it may not be looked at. */
export function lookAtSpool(spool: string): SpoolState {
  const waiting = namesIn(spool, 'new');
  const times = waiting.flatMap((name) => changed(join(spool, 'new', name))?.mtimeMs ?? []);
  return {
    waiting: waiting.length,
    oldestMs: times.reduce<number | undefined>((oldest, ms) => Math.min(ms, oldest ?? ms), undefined),
    bad: countBad(spool),
    newestBad: newestBad(spool),
  };
}

/** By the time of the reason: a file keeps that of its event. */
function newestBad(spool: string): SpoolState['newestBad'] {
  const reasons = namesIn(spool, 'bad')
    .filter((name) => name.endsWith(REASON))
    .map((name) => ({ name, writtenMs: changed(join(spool, 'bad', name))?.mtimeMs ?? 0 }));
  const [newest] = reasons.sort((a, b) => b.writtenMs - a.writtenMs);
  if (newest === undefined) return undefined;
  const file = join(spool, 'bad', newest.name);
  return { file: file.slice(0, -REASON.length), reason: beginningOf(file).trim() };
}

/** Empty where it is gone or no plain file: whoever may write there could have put anything in its place. */
function beginningOf(file: string): string {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const buffer = Buffer.alloc(MAX_REASON_BYTES);
    return buffer.toString('utf8', 0, readSync(descriptor, buffer));
  } catch {
    return '';
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
