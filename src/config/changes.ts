import { readFileSync, statSync } from 'node:fs';
import { messageOf, OperatorError } from '../process/errors.ts';
import { BUILD, BUILD_FILE } from '../process/installation.ts';
import type { Config } from './config.ts';
import { textOf } from './edition.ts';
import { configFileOf } from './file.ts';
import { currentConfig } from './current.ts';

export const PROGRAM = 'the program';

/** The environment of a configuration that knows no file. */
const NOBODY_NAMED_ONE = {};

/**
 * Gives a function that tells what this process works with and is no longer what lies there: the path of the
 * configuration or of imapd.conf, or PROGRAM; undefined where nothing has changed. A configuration that cannot be used,
 * perhaps half-written, changes nothing. Cheap while nothing is written.
 */
export function watchChanges(config: Config): () => Promise<string | undefined> {
  const { path } = configFileOf(config.file, NOBODY_NAMED_ONE);
  const imapdConf = stampOf(config.imapdConf);
  const text = textOf(config);
  let seen: string | undefined; // so that the first look compares what this process has read with what lies there
  let isOther = false;
  return async () => {
    const stamp = stampOf(path);
    if (stamp !== seen) isOther = ((await textNow(config)) ?? text) !== text;
    seen = stamp;
    if (isOther) return path;
    if (differ(stampOf(config.imapdConf), imapdConf)) return config.imapdConf;
    return isReplaced() ? PROGRAM : undefined;
  };
}

/** What cannot be looked at tells nothing. */
function differ(now: string | undefined, before: string | undefined): boolean {
  return now !== undefined && before !== undefined && now !== before;
}

/** Changes whenever the file is written or replaced. Undefined where this user may not look. */
function stampOf(path: string): string | undefined {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path);
    return [dev, ino, size, mtimeMs, ctimeMs].join(' ');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? undefined : messageOf(error);
  }
}

/** Undefined where the configuration cannot be used, which whoever reads it for an event tells. */
async function textNow(config: Config): Promise<string | undefined> {
  try {
    return textOf(await currentConfig(config.file, NOBODY_NAMED_ONE));
  } catch (error) {
    if (error instanceof OperatorError) return undefined;
    throw error;
  }
}

/** Not while another is being put there, nor where the bare source runs. */
function isReplaced(): boolean {
  try {
    return readFileSync(BUILD_FILE, 'utf8') !== BUILD;
  } catch {
    return false; // no such file
  }
}
