import type { CollectionKind } from '../mailboxes/collection.ts';
import type { Hold } from '../outbox/hold.ts';
import type { ClosedDoor } from './presence.ts';
import type { TargetCount } from './targets.ts';

/** The state of the store in numbers, for people and for metrics. Times are milliseconds since the epoch. */
export interface SummaryVerbs {
  /** For a command: with a million rows each takes up to a tenth of a second, in which `serve` would answer nobody. */
  countRows(): Promise<{ targets: number; waiting: number }>;
  /** How many of the next `limit` targets after that id there are, and the last of them; undefined where there is none. */
  tallyTargets(afterId: number, limit: number): Promise<TargetTally | undefined>;
  /** The same of waiting pushes, by their targets, and when the first event of the oldest came. */
  tallyWaiting(
    afterTargetId: number,
    limit: number,
  ): Promise<{ rows: number; last: number; oldestMs: number } | undefined>;
  /** When a credential last got a push through, not later than that; undefined where none ever did. */
  lastSuccessMs(untilMs: number): Promise<number | undefined>;
  summariseTargets(renewedSinceMs: number, nowMs: number): Promise<TargetSummary>;
  /** What waits, and why. */
  summariseWaiting(nowMs: number): Promise<WaitingSummary>;
  /** Whether there was ever a target. */
  everHadTargets(): Promise<boolean>;
  /** Takes the right to write, and gives it back. Throws StoreError where nobody can have it, or another holds it. */
  tryWriting(): Promise<void>;
  /** The version of the schema. */
  schemaVersion(): Promise<number>;
}

/** Whom something happened to. */
export interface Device {
  user: string;
  deviceToken: string;
}

/** Rows of targets, and how many of them are of each kind of collection; the rest are devices of Mail. */
export type TargetTally = { rows: number; last: number } & Record<CollectionKind, number>;

/** What the targets have been through. `targets`, `users`, `renewed`, `ofCyrus` and `disabled` are of Mail alone. */
export interface TargetSummary {
  targets: number;
  /** Subscriptions to calendars and address books. */
  collections: Record<CollectionKind, TargetCount>;
  /** Those that came by Cyrus. */
  ofCyrus: number;
  users: number;
  /** Renewed since the time that was asked for. */
  renewed: number;
  /** Failed for so long that they get no pushes until they register again. */
  disabled: number;
  /** Have registered or were pushed to at a time that is to come: a clock was ahead. */
  ahead: number;
  /** Without a device where that target is gone. */
  lastSuccess: { ms: number; device: Device | undefined } | undefined;
  /** Of the targets that are still there. */
  lastFailure: { ms: number; reason: string; device: Device } | undefined;
  /** Those that say they are there, the one that runs for longest first. */
  serves: Serve[];
}

/** A `serve` that said a short while ago that it is there. */
export interface Serve {
  owner: string;
  sinceMs: number;
  outdated: string | null;
  closed: ClosedDoor[];
}

/** What a row of the outbox is doing: being sent, never tried yet, or held. */
export type WaitingState = 'sending' | 'new' | Hold;

/** The rows of the outbox that are in one state. */
export interface WaitingGroup {
  pushes: number;
  /** When the first event of the oldest came. */
  oldestMs: number;
  /** Latest attempt, and what came of that; null where there was none. */
  attemptedMs: number | null;
  reason: string | null;
}

export interface WaitingSummary {
  groups: Partial<Record<WaitingState, WaitingGroup>>;
  /** Of the earliest row that may be tried; undefined where none waits. In the past: nobody has come to it yet. */
  nextMs: number | undefined;
  oldest: (Device & { ms: number; state: WaitingState; reason: string | null }) | undefined;
}
