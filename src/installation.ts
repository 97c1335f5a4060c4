import { join } from 'node:path';

/** Holds the fingerprint of the build that lies there now; there is none beside the bare source. */
export const BUILD_FILE = join(import.meta.dirname, 'build');

/** A file of this installation, by its path in it. Source and build both lie one folder deep. */
export function ownFile(path: string): string {
  return join(import.meta.dirname, '..', path);
}
