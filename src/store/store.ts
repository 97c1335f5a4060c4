import type { Clock } from '../process/clock.ts';
import type { DeliveryVerbs } from './delivery.ts';
import type { EndpointVerbs } from './endpoints.ts';
import type { IntakeVerbs } from './intake.ts';
import type { MetadataVerbs } from './metadata.ts';
import type { MoveVerbs } from './move.ts';
import type { MovingServicesVerbs } from './moving-services.ts';
import type { PresenceVerbs } from './presence.ts';
import type { SharedVerbs } from './shared.ts';
import type { SummaryVerbs } from './summary.ts';
import type { Survey } from './survey.ts';
import type { TargetVerbs } from './targets.ts';
import type { WaitingVerbs } from './waiting.ts';

/**
 * All that the program keeps: targets, waiting pushes, what credentials have achieved. Each verb is one transaction,
 * awaited, with plain values in and out, and throws StoreError where the store cannot be used. What is decided is
 * decided by the caller or by a function that is handed in, so that each engine does the same.
 */
export interface Store
  extends
    IntakeVerbs,
    TargetVerbs,
    DeliveryVerbs,
    WaitingVerbs,
    EndpointVerbs,
    MetadataVerbs,
    SummaryVerbs,
    PresenceVerbs,
    MoveVerbs,
    MovingServicesVerbs {
  /** The database's file, or its URL. */
  readonly file: string;
  /** Only of one in a file: what opens it in this process. */
  readonly driver?: 'better-sqlite3' | 'node:sqlite';
  /** Only of a store that has a clock of its own: how far that is ahead of this host's, in milliseconds. */
  clockAheadMs?: () => number;
  /** Only of a store on a server. */
  survey?: () => Promise<Survey>;
  /** Only of a store that several hosts share: calls `onNews` when one says that something waits. Gives what ends it. */
  listen?: (onNews: () => void) => () => void;
  /** Only of a store that several hosts share. */
  shared?: SharedVerbs;
  /** Gives room that is free in the file back, in short turns. */
  compact(clock: Clock): Promise<Compaction>;
  /** How much of the file is free, in bytes. */
  freeBytes(): Promise<number>;
  close(): void;
}

/** What became of the room that removed rows have left. Bytes of the database's file, without its log. */
export interface Compaction {
  bytesBefore: number;
  bytesAfter: number;
  /** Free within the file. */
  freeBytes: number;
  /** How long the whole database was rewritten, and nobody else could write; absent where it was not. */
  blockedMs?: number;
  /** The file can only be rewritten as a whole, and that would take too long: the room waits for new rows. */
  tooLarge?: true;
  /** Owners without devices stay until the next time: registrations were in the way. */
  areOwnersLeft?: true;
}
