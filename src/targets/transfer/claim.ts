import type { Registration } from '../../events/mail-event.ts';
import type { Target } from '../store.ts';
import type { Subscription } from '../target.ts';

/** A target with all that belongs to it, as an export holds it. Its number in the database is none of it. */
export interface ExportedTarget extends Omit<Target, 'id'> {
  /** By owner and path. */
  subscriptions: Subscription[];
}

/** A registration that another program kept. Times are milliseconds since the epoch, undefined where it kept none. */
export interface ForeignRegistration {
  registration: Registration;
  /** The topic that the device was told; undefined where the program does not say. */
  topic: string | undefined;
  registeredMs: number | undefined;
  renewedMs: number | undefined;
}

/** What a file says of a target, read but not yet held against the rules. */
export type Claim =
  ({ kind: 'exported' } & ExportedTarget) | ({ kind: 'registration' } & ForeignRegistration);

/** Why something in a file is not taken. */
export interface Fault {
  /** One of few, free of what the file says: the report counts by it. */
  reason: string;
  /** What is special about this one; it may be anybody's text. */
  detail?: string | undefined;
}

/** One thing in a file. */
export type Item = {
  /** Its line, or its number among the accounts of a file that is one JSON value. From 1. */
  place: number;
  /** Whom it is about, where that can be read. */
  user?: string | undefined;
} & ({ claim: Claim } | { fault: Fault });
