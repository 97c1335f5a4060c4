import { dirname } from 'node:path';
import { type Point, ok, problem, warning } from './point.ts';
import { messageOf } from '../process/errors.ts';
import { type MailUser, ownerOf, userCalled } from '../process/mail-user.ts';
import { isClosed, ownUser } from '../process/rights.ts';
import { tryAs } from './trial.ts';

export const MAIL_USER = 'mail user';

/**
 * Who that is: with Cyrus the user that its master becomes, which imapd.conf(5) calls `cyrus_user`; without it the
 * owner of the database's folder.
 */
export function findMailUser(
  imapdOptions: ReadonlyMap<string, string> | undefined,
  store: string,
): { user?: MailUser; point: Point } {
  const found = imapdOptions === undefined ? ownerOfStore(dirname(store)) : userNamed(imapdOptions);
  if ('point' in found) return found;
  if (isForeign(found.user)) return { point: foreign(found.user, found.why) };
  const failure = whyNotAs(found.user);
  return failure === undefined
    ? { ...found, point: introduction(found.user, found.why) }
    : { point: failure };
}

/** What a user who is neither root nor the mail server's may not read is no fault of the set-up. */
export function isNotForUs({ point, state }: Point, paths: readonly string[]): boolean {
  return point === MAIL_USER && state === 'warning' && paths.some(isClosed);
}

/** Nobody but root can try files as another user, and what they may themselves says nothing of the mail server. */
function isForeign({ uid }: MailUser): boolean {
  const own = process.geteuid?.() ?? 0;
  return own !== 0 && own !== uid;
}

function foreign({ called }: MailUser, why: string): Point {
  const text = `this check runs as ${ownUser()} and cannot try files as ${called} (${why})`;
  return warning(MAIL_USER, text, 'run it as root: sudo xapplepush check');
}

type Found = { user: MailUser; why: string } | { point: Point };

function userNamed(imapdOptions: ReadonlyMap<string, string>): Found {
  const configured = imapdOptions.get('cyrus_user');
  const name = configured ?? 'cyrus';
  const why = configured === undefined ? "Cyrus's default" : 'cyrus_user of imapd.conf';
  const user = userCalled(name);
  if (user === undefined) {
    const text = `there is no user ${name} (${why}) for Cyrus to run as`;
    return { point: problem(MAIL_USER, text, 'install Cyrus, or set cyrus_user in imapd.conf to its user') };
  }
  return { user, why };
}

function ownerOfStore(folder: string): Found {
  const user = ownerOf(folder);
  if (user !== undefined) return { user, why: `the owner of ${folder}` };
  const text = `nobody knows who it is: there is no Cyrus, and no ${folder}, whose owner it would be`;
  const fix = `make that folder for the user of your mail server: install -d -m 0750 -o USER -g GROUP ${folder}`;
  return { point: problem(MAIL_USER, text, fix) };
}

function introduction({ called }: MailUser, why: string): Point {
  return ok(MAIL_USER, `${called}: ${why}`);
}

function whyNotAs(user: MailUser): Point | undefined {
  try {
    tryAs(user, []);
    return undefined;
  } catch (error) {
    const text = `cannot act as ${user.called}: ${messageOf(error)}`;
    return problem(MAIL_USER, text, 'run the check where root may become that user');
  }
}
