import type { Outcome } from '../outbox/outcome.ts';
import { safeJson } from '../process/safe-json.ts';
import type { ServiceName } from '../services/endpoint.ts';
import type { Notice, ServiceOutcome } from '../services/service.ts';

interface EntryMailbox {
  owner: string;
  path: string;
}

/** What was decided about an event. */
export interface EventEntry {
  kind: 'event';
  atMs: number;
  /** RFC 5423's name, or what stands for it. */
  event: string;
  /** Empty where the event was not looked at so closely. */
  mailboxes: readonly EntryMailbox[];
  decision: 'push' | 'nobody' | 'ignored' | 'refused';
  reason?: string;
  /** How many devices are to be told. */
  targets: number;
  /** How many endpoints of other push services are; absent where none is. */
  notices?: number;
}

/** What became of a target, by itself or by an operator. */
export interface TargetEntry {
  kind: 'target';
  atMs: number;
  user: string;
  /** Redacted. */
  device: string;
  change: 'registered' | 'renewed' | 'removed' | 'pruned' | 'push given up' | 'push made due';
  reason?: string;
}

/** How one attempt to push ended. */
export interface PushEntry {
  kind: 'push';
  atMs: number;
  targetId: number;
  user: string;
  /** Redacted. */
  device: string;
  event: string;
  mailboxes: readonly EntryMailbox[];
  apnsId: string;
  attempt: number;
  /** From the latest event to Apple's answer. */
  tookMs: number;
  outcome: Outcome['kind'];
  reason?: string;
  /** What became of the push and the target. */
  then: 'done' | 'waits' | 'given up' | 'target removed' | 'target disabled';
  /** The time of the next attempt, where it waits. */
  nextMs?: number;
}

/** How one attempt to send a notice to another push service ended. */
export interface NoticeEntry {
  kind: 'notice';
  atMs: number;
  endpointId: number;
  user: string;
  service: ServiceName;
  /** Its name, which is no secret. */
  endpoint: string;
  event: Notice['event'];
  mailbox: string;
  noticeId: string;
  attempt: number;
  /** From the latest event to the answer. */
  tookMs: number;
  outcome: ServiceOutcome['kind'];
  reason?: string;
  /** What became of the notice and the endpoint. */
  then: 'done' | 'waits' | 'given up' | 'endpoint removed';
  /** The time of the next attempt, where it waits. */
  nextMs?: number;
}

/** What became of an endpoint by an operator. */
export interface EndpointEntry {
  kind: 'endpoint';
  atMs: number;
  user: string;
  service: ServiceName;
  endpoint: string;
  change: 'removed' | 'pruned';
}

/** Why nothing can be sent to anybody. */
export interface TroubleEntry {
  kind: 'trouble';
  atMs: number;
  reason: string;
}

/** `host` is where it happened, told where several hosts share a history. */
export type Entry = (EventEntry | TargetEntry | PushEntry | NoticeEntry | EndpointEntry | TroubleEntry) & {
  host?: string;
};

/** One line of the history's files. */
export function lineOf(entry: Entry): string {
  return `${safeJson(entry)}\n`;
}

/** Undefined for a line that is none: half of one, where a disk was full. */
export function entryOf(line: string): Entry | undefined {
  try {
    const value = JSON.parse(line) as Partial<Entry> | null;
    const isEntry = typeof value?.atMs === 'number' && KINDS.includes(value.kind ?? '');
    return isEntry ? (value as Entry) : undefined;
  } catch {
    return undefined;
  }
}

const ALL: readonly Entry['kind'][] = ['event', 'target', 'push', 'notice', 'endpoint', 'trouble'];
const KINDS: readonly string[] = ALL;

/** True where a device has to do with it; all else is far more, and is kept apart so that it displaces nothing. */
export function concernsDevice(entry: Entry): boolean {
  return entry.kind !== 'event' || entry.decision === 'push';
}

/** The users whom it is about; undefined: everybody. */
export function usersOf(entry: Entry): readonly string[] | undefined {
  if (entry.kind === 'event') return entry.mailboxes.map(({ owner }) => owner);
  return entry.kind === 'trouble' ? undefined : [entry.user];
}

/** Whether it is about one of these users, who owns a mailbox or a device; trouble is about everybody. */
export function isAbout(entry: Entry, isWanted: (user: string) => boolean): boolean {
  return usersOf(entry)?.some(isWanted) ?? true;
}
