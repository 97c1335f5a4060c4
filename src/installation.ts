import { join } from 'node:path';

/** A file of this installation, by its path in it. Source and build both lie one folder deep. */
export function ownFile(path: string): string {
  return join(import.meta.dirname, '..', path);
}
