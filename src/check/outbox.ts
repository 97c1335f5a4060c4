import { type Hold, HOLD_TEXTS } from '../outbox/hold.ts';
import { countOf, timeText } from '../process/text.ts';
import type { Store } from '../store/store.ts';
import type { TargetSummary, WaitingGroup, WaitingSummary } from '../store/summary.ts';
import { type Point, ok, problem, warning } from './point.ts';

export const OUTBOX = 'outbox';

/** A deliverer sends within seconds, and after a failure within minutes. */
const LATE_MS = 10 * 60 * 1000;

/** What waits for Apple, and what it waits for. Pure. */
export function judgeOutbox(
  { groups, oldest }: WaitingSummary,
  lastSuccess: TargetSummary['lastSuccess'],
  nowMs: number,
): Point {
  if (oldest === undefined) return ok(OUTBOX, 'no push waits');
  const pushes = Object.values(groups).reduce((sum, group) => sum + group.pushes, 0);
  const text = `${countOf(pushes, 'push waits', 'pushes wait')}, the oldest since ${timeText(oldest.ms)}`;
  const successMs = lastSuccess === undefined || lastSuccess.ms > nowMs ? -Infinity : lastSuccess.ms;
  for (const { hold, judge, fix } of CAUSES) {
    const group = groups[hold];
    if (group === undefined || !isOpen(group, hold, successMs)) continue;
    return judge(OUTBOX, `${text}: ${HOLD_TEXTS[hold]}${reasonIn(group)}`, fix);
  }
  if (nowMs - oldest.ms < LATE_MS) return ok(OUTBOX, text);
  const why = oldest.reason === null ? 'never tried' : `latest failure: ${oldest.reason}`;
  return warning(OUTBOX, `${text} (${why})`, FLUSH_THEN);
}

/** A command that looks at all of it: a tenth of a second with a million rows. */
export async function checkOutbox(
  store: Store | undefined,
  devices: TargetSummary | undefined,
  nowMs: number,
): Promise<Point> {
  if (store === undefined) return ok(OUTBOX, 'no push waits');
  return judgeOutbox(await store.summariseWaiting(nowMs), devices?.lastSuccess, nowMs);
}

const FLUSH_THEN = 'do what is said of Apple below, then: xapplepush flush --all';

/** In the order in which they are told. */
const CAUSES: readonly { hold: Hold; judge: typeof problem; fix: string }[] = [
  {
    hold: 'credential',
    judge: problem,
    fix: 'use a certificate or token that Apple takes (see Apple: push below), then: xapplepush flush --all',
  },
  { hold: 'connection', judge: warning, fix: FLUSH_THEN },
  { hold: 'apple', judge: warning, fix: 'nothing here: they are sent when Apple is well again' },
  {
    hold: 'topic',
    judge: warning,
    fix: 'configure the certificate of that topic too, or wait until the devices register anew, within a day',
  },
  { hold: 'gone', judge: warning, fix: 'see whether apns.server and the certificate belong together' },
];

/** A hold of a device's own topic stays, whatever else gets through; the others are over when a push has. */
function isOpen({ attemptedMs }: WaitingGroup, hold: Hold, successMs: number): boolean {
  return hold === 'topic' || hold === 'gone' || (attemptedMs ?? 0) > successMs;
}

function reasonIn({ reason }: WaitingGroup): string {
  return reason === null ? '' : ` (${reason})`;
}
