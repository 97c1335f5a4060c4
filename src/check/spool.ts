import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf } from '../process/errors.ts';
import { asOwner, type MailUser } from '../process/mail-user.ts';
import { ownUser } from '../process/rights.ts';
import { lookAtSpool } from '../spool/state.ts';
import { countOf, timeText } from '../process/text.ts';
import { type Point, ok, problem, warning } from './point.ts';
import { obstacle } from './trial.ts';

export const SPOOL_FOLDER = 'spool folder';
export const SPOOL = 'spool';

/** A `serve` takes files within a second, and after a failure of the database within a few. */
const LONG_MS = 60_000;

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

/** What lies in the spool; where the store is shared, every event comes through it, and `serve` takes it at once. */
export function checkSpool(spool: string, { isShared, nowMs }: { isShared: boolean; nowMs: number }): Point {
  try {
    const { waiting, oldestMs = nowMs, bad } = lookAtSpool(spool);
    if (!isShared) return judgeSpool(spool, { waiting, bad });
    const text = `${countOf(waiting, 'file waits', 'files wait')} for serve`;
    if (nowMs - oldestMs >= LONG_MS)
      return warning(SPOOL, `${text}, since ${timeText(oldestMs)}`, 'see that serve runs, and its log');
    return waiting > 0 && bad === 0 ? ok(SPOOL, text) : judgeSpool(spool, { waiting: 0, bad });
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
