import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { changed, namesIn } from './spool.ts';

export interface BadFiles {
  count: number;
  /** Of the files and their reasons. */
  bytes: number;
}

const REASON = '.reason';

/**
 * Removes what was set aside before that time, with the reasons beside it; only counts it in a rehearsal.
 * Throws errno errors.
 */
export function removeBadFiles(
  spool: string,
  { beforeMs, dryRun }: { beforeMs: number; dryRun: boolean },
): BadFiles {
  const old = badFiles(spool).filter(({ asideMs }) => asideMs < beforeMs);
  if (!dryRun)
    for (const { files } of old) for (const file of files) rmSync(file, { recursive: true, force: true });
  return {
    count: old.filter(({ isReasonOnly }) => !isReasonOnly).length,
    bytes: old.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

interface BadFile {
  files: string[];
  /** When it was set aside: its reason was written then, while its own time is that of the event. */
  asideMs: number;
  bytes: number;
  isReasonOnly: boolean;
}

function badFiles(spool: string): BadFile[] {
  const names = namesIn(spool, 'bad');
  const known = new Set(names);
  return names.flatMap((name) => {
    if (name.endsWith(REASON) && known.has(name.slice(0, -REASON.length))) return [];
    const files = [name, `${name}${REASON}`].map((each) => join(spool, 'bad', each));
    const states = files.flatMap((file) => changed(file) ?? []);
    const asideMs = states.at(-1)?.mtimeMs;
    if (asideMs === undefined) return []; // another process removes it
    const bytes = states.reduce((sum, { size }) => sum + size, 0);
    return [{ files, asideMs, bytes, isReasonOnly: name.endsWith(REASON) }];
  });
}
