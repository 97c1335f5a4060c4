import { spanText } from '../process/text.ts';
import { attention, broken, type Rule } from './finding.ts';

/** No `serve` where nobody else does its work: broken. Doors that only `serve` opens, and no `serve`: broken where mail comes through them, else attention. */
export const noServe: Rule = ({ doors, neededDoors, targets, hosts }) => {
  if (hosts !== undefined && targets.served === undefined) return broken(NOBODY_HERE, START_SERVE);
  if (doors.length === 0 || targets.served !== undefined) return undefined;
  const text = `serve is not running, and only it answers on ${doors.join(' and ')}`;
  return neededDoors.length > 0 ? broken(text, START_SERVE) : attention(text, START_SERVE);
};

const NOBODY_HERE = 'serve is not running on this host, and only it takes events from the spool and delivers';
const START_SERVE = 'start xapplepush serve';

/** A `serve` that answers, and of which the database does not know: broken. */
export const unwritable: Rule = ({ targets: { served } }) =>
  served !== undefined && served.sinceMs === undefined
    ? broken('serve runs and cannot write to the database', 'its log says why')
    : undefined;

/** A door that events come through is closed: broken. One that is as it was before, or only wakes `serve`: attention. */
export const closedDoors: Rule = ({ targets: { served }, nowMs }) => {
  if (served === undefined || served.closed.length === 0) return undefined;
  const texts = served.closed.map(({ door, isAsBefore, sinceMs, reason }) => {
    const forMs = Math.max(0, nowMs - sinceMs);
    return `the door ${door} ${isAsBefore ? 'is not open as configured' : 'is closed'}, for ${spanText(forMs)} (${reason})`;
  });
  const keepsEventsOut = served.closed.some(({ door, isAsBefore }) => !isAsBefore && !/^control/.test(door));
  const fix = served.closed.flatMap((door) => door.fix ?? []).join('; ') || null;
  return keepsEventsOut ? broken(texts.join('; '), fix) : attention(texts.join('; '), fix);
};

/** A `serve` that works with something older than what lies there: attention. */
export const outdatedServe: Rule = ({ targets: { served } }) =>
  served === undefined || served.outdated.length === 0
    ? undefined
    : attention(
        `serve works with an older version of ${served.outdated.join(' and ')} than lies there`,
        REFRESH_SERVE,
      );

/** A reload reads the files again; only a restart brings another program. */
export const REFRESH_SERVE =
  'reload it, or restart it where the program is older: systemctl reload-or-restart xapplepush';
