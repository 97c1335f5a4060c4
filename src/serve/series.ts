import { isListed, KNOWN_ANSWERS } from '../apns/answers.ts';
import { NOT_APPLES } from '../apns/outcome.ts';
import { DOOR_NAMES, type DoorName } from '../doors/receive.ts';
import { CHANGE_NAMES } from '../events/mail-event.ts';
import type { Outcome } from '../outbox/outcome.ts';

/** How an attempt ends, or a push that became too old. */
export type Ending = Outcome['kind'] | 'gave_up';

export interface EventLabels {
  door: DoorName;
  event: string;
}

export interface PushLabels {
  outcome: Ending;
  reason: string;
}

/** Stands for every value that is not known beforehand: strangers must not make series. */
const OTHER = 'other';

const EVENTS = [...CHANGE_NAMES, 'registration', 'ignored', 'bad', OTHER];

/** The labels of every series of events. */
export const EVENT_SERIES: readonly EventLabels[] = DOOR_NAMES.flatMap((door) =>
  EVENTS.map((event) => ({ door, event })),
);

/** `name` as in RFC 5423, or registration, ignored, bad. */
export function eventLabels(door: DoorName, name: string): EventLabels {
  return { door, event: EVENTS.includes(name) ? name : OTHER };
}

const FOREIGN = NOT_APPLES.slice(', '.length);

/** For answers without a reason, and for what is no answer. */
const UNNAMED = [...[1, 2, 3, 4, 5].map((hundred) => `status ${hundred}xx`), FOREIGN, OTHER];

const NONE = 'none';

/** The last one stands for all that is not named. A push is given up for whatever it waited for. */
const REASONS: Readonly<Record<Ending, readonly string[]>> = {
  delivered: [NONE],
  gone: [...reasonsOf('gone'), OTHER],
  retry: [...reasonsOf('retry'), ...UNNAMED],
  rejected: [...reasonsOf('rejected'), ...UNNAMED],
  misconfigured: [...reasonsOf('misconfigured'), ...UNNAMED],
  gave_up: [NONE, ...reasonsOf('gone', 'retry', 'rejected', 'misconfigured'), ...UNNAMED],
};

/** The labels of every series of pushes. */
export const PUSH_SERIES: readonly PushLabels[] = Object.entries(REASONS).flatMap(([outcome, reasons]) =>
  reasons.map((reason) => ({ outcome: outcome as Ending, reason })),
);

/** `reason` is that of the outcome; undefined for a push that Apple took, or that was never tried. */
export function pushLabels(outcome: Ending, reason: string | undefined): PushLabels {
  const [label, reasons] = [reasonLabel(reason), REASONS[outcome]];
  return { outcome, reason: reasons.includes(label) ? label : (reasons.at(-1) ?? OTHER) };
}

function reasonsOf(...kinds: Outcome['kind'][]): string[] {
  return KNOWN_ANSWERS.flatMap(({ reasons, ruling }) =>
    isListed(reasons) && kinds.includes(ruling.kind) ? [...reasons] : [],
  );
}

function reasonLabel(reason: string | undefined): string {
  if (reason === undefined) return NONE;
  const [, hundred, behind] = /^status ([1-5])\d\d(, .*)?$/.exec(reason) ?? [];
  if (hundred === undefined) return reason;
  return behind === NOT_APPLES ? FOREIGN : `status ${hundred}xx`;
}
