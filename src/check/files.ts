import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { openingsOf } from '../cert/file-modes.ts';
import type { Config } from '../config/config.ts';
import type { MailUser } from '../process/mail-user.ts';
import { type Point, ok, problem, warning } from './point.ts';
import { obstacle, obstacles } from './trial.ts';

export const FILES_TO_READ = 'files to read';
export const SECRET_FILES = 'secret files';
export const LOG = 'log';

/** Each file that an event needs is read as the mail server's user. */
export function checkReading(files: readonly string[], user: MailUser): Point[] {
  const found = obstacles(
    user,
    files.map((path) => ({ kind: 'read', path })),
  );
  if (found.length > 0) return found.map(({ text, fix }) => problem(FILES_TO_READ, text, fix));
  return [ok(FILES_TO_READ, `${user.called} can read ${listed(files)}`)];
}

/** Keys, passphrases and passwords that everybody on the host can read, or others can replace. */
export function checkSecrecy(files: readonly string[], user?: MailUser): Point[] {
  const openings = files.flatMap((file) => openingsOf(file, { isSecret: true, reader: user }));
  if (openings.length > 0) return openings.map(({ text, fix }) => warning(SECRET_FILES, text, fix));
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
  if (found !== undefined) return problem(LOG, found.text, found.fix);
  return ok(LOG, `${user.called} can write ${destination}`);
}

function listed(files: readonly string[]): string {
  return files.join(', ');
}
