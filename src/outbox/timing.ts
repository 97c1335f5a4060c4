import type { ChangeName } from '../events/mail-event.ts';

/** How long pushes are held back to be told together. All zero where no `serve` runs. */
export interface Timing {
  /** At least this long between two pushes to one target. */
  throttleMs: number;
  /** How long a change that is no new mail waits for more. */
  housekeepingDelayMs: number;
}

export const AT_ONCE: Timing = { throttleMs: 0, housekeepingDelayMs: 0 };

/** So long a change of a calendar or an address book waits for more: their apps fetch all of them for one push. */
export const GATHERING_MS = 3000;

/** New mail by its name is told at once; everything else only tidies up what the phone shows. */
const NEW_MAIL: ReadonlySet<ChangeName> = new Set(['MessageNew', 'MessageAppend', 'MessageCopy']);

/**
 * When a push for this event is due, in milliseconds since the epoch: new mail at once, housekeeping after its delay, what
 * is gathered when that is over, all not before the throttle window of the latest push has passed. A row that waits already keeps the earlier time, so
 * that housekeeping rides along with new mail and no stream of events puts a push off for ever. Pure.
 */
export function dueMs(
  {
    event,
    isNewMail = NEW_MAIL.has(event),
    gatheringMs,
  }: { event: ChangeName; isNewMail?: boolean | undefined; gatheringMs?: number | undefined },
  nowMs: number,
  lastPushMs: number | null,
  timing: Timing,
): number {
  const delayMs = gatheringMs ?? (isNewMail ? 0 : timing.housekeepingDelayMs);
  const readyMs = nowMs + delayMs;
  return Math.max(readyMs, (lastPushMs ?? -Infinity) + timing.throttleMs);
}

/** A lease outlives the slowest answer by far, so that only the rows of the dead are taken over. */
export const LEASE_MS = 30_000;

/**
 * An instant so little ahead is believed: another process read its clock while this one, which had read its own, waited
 * for the store.
 */
export const CLOCK_TOLERANCE_MS = 60_000;
