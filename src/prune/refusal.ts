import { ExitCode, OperatorError } from '../process/errors.ts';
import { countOf, timeText } from '../process/text.ts';
import type { Refusal } from './decision.ts';

const HINT =
  'see whether the clock is right (date) and whether devices still register (xapplepush check); ' +
  'where they have left for good, xapplepush prune --force removes them';

/** Nothing was removed: exit 75, since the clock may be right the next time. */
export function refusalError(refusal: Refusal): OperatorError {
  const message = `nothing was removed: ${refusalText(refusal)}`;
  return new OperatorError(message, { exitCode: ExitCode.tryAgain, hint: HINT });
}

/** For the report of a rehearsal, and of a small host. */
export function refusalNote(refusal: Refusal): string {
  return `refused without --force: ${refusalText(refusal)}\n${HINT}\n`;
}

/** What was counted and by which clock, for a person. */
export function refusalText({ reason, counts }: Refusal): string {
  const { devices, removed, renewedMs, nowMs } = counts;
  const would = `it would remove ${removed} of ${countOf(devices, 'device')}`;
  const clock = `the clock says ${timeText(nowMs)}`;
  if (reason === 'most') return `${would}, expected half of them at most; ${clock}`;
  return `${would}, and none has registered within two days: the last did ${timeText(renewedMs ?? null)}, and ${clock}`;
}
