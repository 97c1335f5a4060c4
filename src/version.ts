import { createRequire } from 'node:module';

const PACKAGE = createRequire(import.meta.url)('../package.json') as { version: string; build?: string };

/** The version of this program, from package.json. */
export const VERSION = PACKAGE.version;

/** A fingerprint of what this program was built of, which the build puts there; no file has it of the bare source. */
export const BUILD = PACKAGE.build ?? 'source';
