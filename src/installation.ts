import { createRequire } from 'node:module';
import { join } from 'node:path';

const PACKAGE = createRequire(import.meta.url)('../package.json') as { version: string; build?: string };

/** The version of this program, from package.json. */
export const VERSION = PACKAGE.version;

/** A fingerprint of what this program was built of, which the build puts there; no file has it of the bare source. */
export const BUILD = PACKAGE.build ?? 'source';

/** Holds the fingerprint of the build that lies there now; there is none beside the bare source. */
export const BUILD_FILE = join(import.meta.dirname, 'build');

/** A file of this installation, by its path in it. Source and build both lie one folder deep. */
export function ownFile(path: string): string {
  return join(import.meta.dirname, '..', path);
}
