import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from '../config/config.ts';
import { type Point, ok, problem, warning } from './point.ts';
import { type MailUser, obstacle } from './trial.ts';

export const FILES_TO_READ = 'files to read';
export const SECRET_FILES = 'secret files';
export const LOG = 'log';

/** Each file that an event needs is read as the mail server's user. */
export function checkReading(files: readonly string[], user: MailUser): Point[] {
  const found = files.flatMap((path) => obstacle(user, { kind: 'read', path }) ?? []);
  if (found.length > 0) return found.map(({ text, mend }) => problem(FILES_TO_READ, text, mend));
  return [ok(FILES_TO_READ, `${user.called} can read ${listed(files)}`)];
}

/** stat(2): the permission that others have to read. */
const READABLE_BY_OTHERS = 0o004;

/** Keys and passphrases that everybody on the host can read. */
export function checkSecrecy(files: readonly string[]): Point[] {
  const open = files.filter((file) => existsSync(file) && (statSync(file).mode & READABLE_BY_OTHERS) !== 0);
  if (open.length > 0)
    return open.map((file) =>
      warning(SECRET_FILES, `everybody on this host can read ${file}`, `chmod o= ${file}`),
    );
  if (files.length === 0) return [];
  return [ok(SECRET_FILES, `not for everybody to read: ${listed(files)}`)];
}

/** The log's file is appended to, or can be made, by the mail server's user. */
export function checkLog({ destination }: Config['log'], user: MailUser): Point {
  if (destination === 'stderr')
    return warning(
      LOG,
      'stderr, which is /dev/null for programs that notifyd starts',
      'set log.destination to a file, so that what happens can be read',
    );
  const trial = existsSync(destination)
    ? ({ kind: 'append', path: destination } as const)
    : ({ kind: 'fill', path: dirname(destination) } as const);
  const found = obstacle(user, trial);
  if (found !== undefined) return problem(LOG, found.text, found.mend);
  return ok(LOG, `${user.called} can write ${destination}`);
}

function listed(files: readonly string[]): string {
  return files.join(', ');
}
