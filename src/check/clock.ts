import { statSync } from 'node:fs';
import { FAR_OFF_MS } from '../apns/credentials/defects.ts';
import { ownFile } from '../process/installation.ts';
import { timeText } from '../process/text.ts';
import type { Period } from './credential.ts';
import { type Point, ok, problem, warning } from './point.ts';

export const CLOCK = 'clock';

const DAY_MS = 24 * 3600 * 1000;

/** Files of another time zone, or copied by a machine whose clock is a little ahead, prove nothing. */
const TOLERANCE_MS = DAY_MS;

const FIX = 'see timedatectl, and set the clock: timedatectl set-ntp true';

/** When this program was put here: no clock that is right shows an earlier time. */
export function installedMs(): number {
  return statSync(ownFile('package.json')).mtimeMs;
}

/** Whether the clock can be right, by what is older than now for certain. Pure. */
export function judgeClock(
  nowMs: number,
  { installedMs, certificates }: { installedMs: number; certificates: readonly Period[] },
): Point {
  const now = timeText(nowMs);
  if (nowMs < installedMs - TOLERANCE_MS)
    return problem(
      CLOCK,
      `it says ${now}, which is before this program was installed (${timeText(installedMs)})`,
      FIX,
    );
  const early = certificates.find(({ notBeforeMs }) => nowMs < notBeforeMs);
  if (early !== undefined)
    return problem(
      CLOCK,
      `it says ${now}, which is before the certificate was issued (${timeText(early.notBeforeMs)})`,
      FIX,
    );
  const late = certificates.find(({ notAfterMs }) => nowMs - notAfterMs > FAR_OFF_MS);
  if (late !== undefined)
    return warning(
      CLOCK,
      `it says ${now}, years after the certificate ended (${timeText(late.notAfterMs)}): it may be wrong`,
      FIX,
    );
  return ok(CLOCK, now);
}

/** Not the name of what is judged of the clock before: another user may look at the database. */
export const TIMES = 'target times';

/** Times in the database that are to come. Pure. */
export function judgeTimes(ahead: number): Point[] {
  if (ahead === 0) return [];
  const text = `${ahead} of the devices have times in the future: the clock was ahead, or is behind now`;
  return [warning(TIMES, text, FIX)];
}
