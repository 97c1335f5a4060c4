import { countOf, timeText, visible } from '../process/text.ts';
import type { Colour } from '../terminal/terminal.ts';
import { concernsDevice, type Entry, type EventEntry, type PushEntry, type TargetEntry } from './entry.ts';

/** An entry as one line for a person: whose, and what. */
export function sentenceOf(entry: Entry): string {
  return `${visible(whose(entry))}: ${visible(whatOf(entry))}`;
}

/** How it is painted; undefined for what is neither good nor bad. */
export function colourOf(entry: Entry): Colour | undefined {
  if (!concernsDevice(entry)) return 'dim';
  if (entry.kind === 'trouble') return 'red';
  if (entry.kind !== 'push') return undefined;
  if (entry.outcome === 'delivered') return 'green';
  return entry.then === 'waits' ? 'yellow' : 'red';
}

/** For `--json`: times in ISO 8601. */
export function forPrograms({ atMs, ...rest }: Entry): object {
  if (rest.kind !== 'push' || rest.nextMs === undefined) return { at: timeText(atMs), ...rest };
  const { nextMs, ...others } = rest;
  return { at: timeText(atMs), ...others, next: timeText(nextMs) };
}

function whose(entry: Entry): string {
  if (entry.kind === 'trouble') return 'everybody';
  if (entry.kind !== 'event') return entry.user;
  const owners = new Set(entry.mailboxes.map(({ owner }) => owner || 'nobody'));
  return owners.size === 0 ? '-' : [...owners].join(', ');
}

function whatOf(entry: Entry): string {
  switch (entry.kind) {
    case 'event':
      return eventText(entry);
    case 'target':
      return targetText(entry);
    case 'push':
      return `device ${entry.device}: ${answerOf(entry)}`;
    case 'trouble':
      return `nothing can be sent, every push is kept: ${entry.reason}`;
  }
}

function eventText({ event, mailboxes, decision, reason, targets }: EventEntry): string {
  const what = `${event}${placeOf(mailboxes)}`;
  switch (decision) {
    case 'push':
      return `${what}: ${countOf(targets, 'device')} to be told${reason === undefined ? '' : `; ${reason}`}`;
    case 'nobody':
    case 'ignored':
      return `${what}: nobody is told, ${reason ?? ''}`;
    case 'refused':
      return `${what}: cannot be taken, ${reason ?? ''}`;
  }
}

function targetText({ device, change, reason }: TargetEntry): string {
  return `device ${device}: ${change}${reason === undefined ? '' : ` (${reason})`}`;
}

/** What Apple said of a push, what became of it, and what it was about. */
export function answerOf(entry: PushEntry): string {
  const { event, mailboxes, attempt, tookMs, apnsId } = entry;
  const facts = [
    `${event}${placeOf(mailboxes)}`,
    `${(tookMs / 1000).toFixed(1)} s after the event`,
    ...(attempt > 1 ? [`attempt ${attempt}`] : []),
    `apns-id ${apnsId}`,
  ];
  return `${answerText(entry)}${endText(entry)} (${facts.join(', ')})`;
}

function answerText({ outcome, reason = '' }: PushEntry): string {
  switch (outcome) {
    case 'delivered':
      return 'Apple took the push';
    case 'gone':
      return `Apple knows the device no more: ${reason}`;
    case 'rejected':
      return `Apple refused the push: ${reason}`;
    case 'misconfigured':
      return `our set-up is wrong: ${reason}`;
    case 'retry':
      return `not delivered: ${reason}`;
  }
}

function endText({ then, nextMs }: PushEntry): string {
  switch (then) {
    case 'done':
      return '';
    case 'waits':
      return nextMs === undefined ? '; the push waits' : `; tried again at ${timeText(nextMs)} at the latest`;
    case 'given up':
      return '; the push is given up';
    case 'target removed':
      return '; the device is removed';
    case 'target disabled':
      return '; no more pushes until the device registers again';
  }
}

function placeOf(mailboxes: EventEntry['mailboxes']): string {
  return mailboxes.length === 0 ? '' : ` in ${mailboxes.map(({ path }) => path).join(', ')}`;
}
