import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf } from '../process/errors.ts';
import { asOwner, type MailUser } from '../process/mail-user.ts';
import { ownUser } from '../process/rights.ts';
import { countBad, countSpool } from '../spool/spool.ts';
import { countOf } from '../process/text.ts';
import { type Point, ok, problem, warning } from './point.ts';
import { obstacle } from './trial.ts';

export const SPOOL_FOLDER = 'spool folder';
export const SPOOL = 'spool';

/** The spool is written into as the mail server's user, or can be made by it. */
export function checkSpoolFolder(spool: string, user: MailUser): Point {
  const path = nearestThere(spool);
  const found = obstacle(user, { kind: 'fill', path });
  if (path === spool) {
    if (found !== undefined) return problem(SPOOL_FOLDER, found.text, found.fix);
    return ok(SPOOL_FOLDER, `${user.called} can write into ${spool}`);
  }
  if (found === undefined) return ok(SPOOL_FOLDER, `${spool} is made when needed`);
  const text = `there is no ${spool}, and ${user.called} cannot make it`;
  return problem(SPOOL_FOLDER, text, `install -d -m 0750 ${asOwner(user)} ${spool}`);
}

function nearestThere(folder: string): string {
  return existsSync(folder) || folder === dirname(folder) ? folder : nearestThere(dirname(folder));
}

/** What lies in the spool; where the store is shared, every event comes through it. */
export function checkSpool(spool: string, isShared = false): Point {
  try {
    const waiting = countSpool(spool);
    if (isShared && waiting > 0)
      return warning(
        SPOOL,
        `${countOf(waiting, 'file waits', 'files wait')} for serve`,
        'see that serve runs, and its log',
      );
    return judgeSpool(spool, { waiting, bad: countBad(spool) });
  } catch (error) {
    const fix = `run the check as root; if it stays so: ls -ld ${spool}`;
    return problem(SPOOL, `${ownUser()} cannot look at it: ${messageOf(error)}`, fix);
  }
}

function judgeSpool(spool: string, { waiting, bad }: { waiting: number; bad: number }): Point {
  if (waiting > 0) {
    const text = `${countOf(waiting, 'file waits', 'files wait')}: the database could not be used when ${waiting === 1 ? 'it' : 'they'} came`;
    return warning(SPOOL, text, 'xapplepush flush');
  }
  if (bad > 0)
    return warning(
      SPOOL,
      `${countOf(bad, 'file')} could not be understood`,
      `read the reasons in ${join(spool, 'bad')}, then remove the files`,
    );
  return ok(SPOOL, 'empty');
}
