import { lstatSync, renameSync } from 'node:fs';
import { isMissing } from '../process/errors.ts';
import type { Log } from '../process/log.ts';

/** What SQLite keeps beside a database (https://sqlite.org/tempfiles.html); it would take it for part of another one. */
export const COMPANIONS = ['-wal', '-shm', '-journal'];

/** Which file each of them is, while the database is open. */
export type Companions = ReadonlyMap<string, string>;

export function companionsOf(file: string): Companions {
  return new Map(COMPANIONS.map((name) => [name, identityOf(file + name)]));
}

/**
 * Renames those that lie there; of a database that is open while another has its place, its `own` alone. Gives what puts
 * them back. Throws errno errors.
 */
export function setCompanionsAside(file: string, log?: Pick<Log, 'warn'>, own?: Companions): () => void {
  const suffix = `.left-over.${Date.now()}`;
  const moved: [from: string, to: string][] = [];
  for (const name of COMPANIONS) {
    const [from, to] = [file + name, file + name + suffix];
    if (own !== undefined && !isOne(from, own.get(name))) continue;
    try {
      renameSync(from, to);
    } catch (error) {
      if (isMissing(error)) continue;
      throw error;
    }
    moved.push([from, to]);
    log?.warn('a file of an earlier database lay beside the new one and is set aside', { file: from, to });
  }
  return () => {
    for (const [from, to] of moved) if (identityOf(from) === '') renameSync(to, from);
  };
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
