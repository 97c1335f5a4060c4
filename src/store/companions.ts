import { lstatSync, renameSync } from 'node:fs';
import { isMissing } from '../process/errors.ts';
import type { Log } from '../process/log.ts';

/** What SQLite keeps beside a database (https://sqlite.org/tempfiles.html); it would take it for part of another one. */
const COMPANIONS = ['-wal', '-shm', '-journal'];

/** Which file each of them is, while the database is open. */
export type Companions = ReadonlyMap<string, string>;

export function companionsOf(file: string): Companions {
  return new Map(COMPANIONS.map((name) => [name, identityOf(file + name)]));
}

/** Renames those that lie there; of one that has another in its place while it is open, its `own` alone. Throws errno errors. */
export function setCompanionsAside(file: string, log?: Pick<Log, 'warn'>, own?: Companions): void {
  const suffix = `.left-over.${Date.now()}`;
  for (const name of COMPANIONS) {
    const [from, to] = [file + name, file + name + suffix];
    if (own !== undefined && !isOne(from, own.get(name))) continue;
    try {
      renameSync(from, to);
    } catch (error) {
      if (isMissing(error)) continue;
      throw error;
    }
    log?.warn('a file of an earlier database lay beside the new one and is set aside', { file: from, to });
  }
}

function isOne(path: string, own = ''): boolean {
  return own !== '' && own === identityOf(path);
}

/** '' where there is none. */
function identityOf(path: string): string {
  try {
    const { dev, ino } = lstatSync(path);
    return `${dev} ${ino}`;
  } catch {
    return ''; // or a part of the path is no folder any more
  }
}
