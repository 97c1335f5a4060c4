import { kindOfMailbox } from '../mailboxes/collection.ts';
import { countOf, spanText, timeText } from '../process/text.ts';
import type { Layout } from '../terminal/layout.ts';
import type { Colour } from '../terminal/terminal.ts';
import { concernsDevice, type Entry, type EventEntry, type PushEntry, type TargetEntry } from './entry.ts';
import { noticeText } from './notice-row.ts';

export const HEADINGS = ['TIME', 'USER', 'DEVICE', 'EVENT', 'MAILBOX', 'WHAT BECAME OF IT'] as const;

/** An entry as a row for a person; `ids` adds the apns-id, by which Apple knows a push. */
export function rowOf(entry: Entry, { time }: Pick<Layout, 'time'>, ids = false): string[] {
  const at = time(entry.atMs);
  switch (entry.kind) {
    case 'event':
      return [at, ownersOf(entry.mailboxes), '', entry.event, pathsOf(entry.mailboxes), decisionText(entry)];
    case 'target':
      return [at, entry.user, entry.device, '', '', changeText(entry)];
    case 'push':
      return [
        ...[at, entry.user, entry.device, entry.event, pathsOf(entry.mailboxes)],
        `${answerOf(entry)}${ids ? `, apns-id ${entry.apnsId}` : ''}`,
      ];
    case 'notice':
      return [
        ...[at, entry.user, `${entry.service} ${entry.endpoint}`, entry.event, entry.mailbox],
        `${noticeText(entry)}${ids ? `, notice ${entry.noticeId}` : ''}`,
      ];
    case 'endpoint':
      return [at, entry.user, `${entry.service} ${entry.endpoint}`, '', '', entry.change];
    case 'trouble':
      return [at, 'everybody', '', '', '', `nothing can be sent, every push waits: ${entry.reason}`];
  }
}

/** With where it happened, after the time. */
export function withHost([time = '', ...rest]: readonly string[], host: string): string[] {
  return [time, host, ...rest];
}

/** How it is painted; undefined for what is neither good nor bad. */
export function colourOf(entry: Entry): Colour | undefined {
  if (!concernsDevice(entry)) return 'dim';
  if (entry.kind === 'trouble') return 'red';
  if (entry.kind !== 'push' && entry.kind !== 'notice') return undefined;
  if (entry.outcome === 'delivered') return 'green';
  return entry.then === 'waits' ? 'yellow' : 'red';
}

/** For `--json`: times in ISO 8601. */
export function forPrograms({ atMs, ...rest }: Entry): object {
  if ((rest.kind !== 'push' && rest.kind !== 'notice') || rest.nextMs === undefined)
    return { at: timeText(atMs), ...rest };
  const { nextMs, ...others } = rest;
  return { at: timeText(atMs), ...others, next: timeText(nextMs) };
}

/** Whose a collection is, its event does not say. */
function ownersOf(mailboxes: EventEntry['mailboxes']): string {
  const ofMail = mailboxes.filter((mailbox) => kindOfMailbox(mailbox) === 'mail');
  return [...new Set(ofMail.map(({ owner }) => owner || 'nobody'))].join(', ');
}

export function pathsOf(mailboxes: EventEntry['mailboxes']): string {
  return mailboxes.map(pathOf).join(', ');
}

function pathOf(mailbox: EventEntry['mailboxes'][number]): string {
  const kind = kindOfMailbox(mailbox);
  return kind === 'mail' ? mailbox.path : `${kind} ${mailbox.path}`;
}

function decisionText({ decision, reason, targets, notices = 0 }: EventEntry): string {
  switch (decision) {
    case 'push':
      return `${addressees(targets, notices)} to be told${reason === undefined ? '' : `; ${reason}`}`;
    case 'nobody':
    case 'ignored':
      return `nobody is told: ${reason ?? ''}`;
    case 'refused':
      return `cannot be taken: ${reason ?? ''}`;
  }
}

function addressees(targets: number, notices: number): string {
  const devices = targets > 0 || notices === 0 ? [countOf(targets, 'device')] : [];
  return [...devices, ...(notices > 0 ? [countOf(notices, 'endpoint')] : [])].join(' and ');
}

function changeText({ change, reason }: TargetEntry): string {
  return `${change}${reason === undefined ? '' : ` (${reason})`}`;
}

/** What Apple said of a push, and what became of it. */
export function answerOf(entry: PushEntry): string {
  const attempt = entry.attempt > 1 ? `, attempt ${entry.attempt}` : '';
  return `${answerText(entry)}${attempt}${endText(entry)}`;
}

function answerText({ outcome, tookMs, reason = '' }: PushEntry): string {
  switch (outcome) {
    case 'delivered':
      return `Apple took the push, ${(tookMs / 1000).toFixed(1)} s after the event`;
    case 'gone':
      return `Apple no longer knows the device: ${reason}`;
    case 'rejected':
      return `Apple refused the push: ${reason}`;
    case 'misconfigured':
      return `our set-up is wrong: ${reason}`;
    case 'retry':
      return `not delivered: ${reason}`;
  }
}

function endText({ then, atMs, nextMs }: PushEntry): string {
  switch (then) {
    case 'done':
      return '';
    case 'waits':
      return nextMs === undefined
        ? '; the push waits'
        : `; the next attempt is within ${spanText(nextMs - atMs)}`;
    case 'given up':
      return '; the push is given up';
    case 'target removed':
      return '; the device is removed';
    case 'target disabled':
      return '; no more pushes until the device registers again';
  }
}
