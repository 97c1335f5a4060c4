import { OperatorError } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import { reportError } from '../process/report.ts';
import { type Answer, NOT_FOUND, text, tryAgain } from './http-answer.ts';

/**
 * What the process that makes the page prints as JSON: its headers belong to its markup, also where another version has
 * started it.
 */
export type PageAnswer = Pick<Answer, 'headers' | 'body'>;

/** Gives the page with that user's events, or all where it is ''; undefined where too many are asked for at once. */
export type StatusPage = (user: string) => Promise<PageAnswer> | undefined;

export interface PageContext {
  /** Absent: /status is answered as if it were nothing. */
  page?: StatusPage | undefined;
  /** Whether only those get here who may see it: by a password or through a Unix socket. */
  isPrivate: boolean;
  log: Log;
}

/** Longer names than any mail server has, which hold no NUL. */
const USER = /^[^\0]{0,512}$/u;

/** The status page; `query` is what follows the ? of the URL. */
export async function statusPage(query: string, { page, isPrivate, log }: PageContext): Promise<Answer> {
  if (page === undefined) return NOT_FOUND;
  if (!isPrivate) return PUBLIC;
  const user = new URLSearchParams(query).get('user')?.trim() ?? '';
  if (!USER.test(user)) return UNUSABLE_USER;
  const made = page(user);
  if (made === undefined) return tryAgain('too many pages at once: ask again a little later\n');
  try {
    return { status: 200, ...(await made) };
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    reportError(error, log);
    return tryAgain(`${error.message}\nhint: ${error.hint}\n`);
  }
}

const PUBLIC = text(
  403,
  'the status page is shown with a password only, or on a Unix socket: set serve.http_password_file\n',
);

const UNUSABLE_USER = text(400, 'user: expected at most 512 characters without NUL\n');
