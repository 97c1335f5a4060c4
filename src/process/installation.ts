import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

/** The source has this file in a room of its own, the build in its one folder. */
const ROOT = join(import.meta.dirname, basename(import.meta.dirname) === 'process' ? '../..' : '..');

const PACKAGE = createRequire(import.meta.url)('../../package.json') as { version: string; build?: string };

/** The version of this program, from package.json. */
export const VERSION = PACKAGE.version;

/** A fingerprint of what this program was built of, which the build puts there; no file has it of the bare source. */
export const BUILD = PACKAGE.build ?? 'source';

/** Holds the fingerprint of the build that lies there now; there is none beside the bare source. */
export const BUILD_FILE = join(import.meta.dirname, 'build');

/** A file of this installation, by its path in it. */
export function ownFile(path: string): string {
  return join(ROOT, path);
}

/** What to do where a part that npm gets does not fit: by the way in which this program was installed. */
export function installAnew(whatNpmNeeds: string): string {
  if (existsSync(ownFile('mail-user'))) return 'install it anew: apt-get install --reinstall xapplepush';
  const isGlobal = basename(dirname(ROOT)) === 'node_modules';
  const how = isGlobal
    ? 'by npm install --global better-sqlite3-node20@npm:better-sqlite3@12'
    : "in xapplepush's folder: npm ci && npm run build";
  return `install it anew with this Node, ${how}; ${whatNpmNeeds}`;
}
