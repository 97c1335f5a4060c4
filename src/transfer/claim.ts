import type { Registration } from '../events/mail-event.ts';
import type { Fault } from '../targets/precedence.ts';
import type { WholeTarget } from '../targets/record.ts';

/** A registration that another program kept. Times are milliseconds since the epoch, undefined where it kept none. */
export interface ForeignRegistration {
  registration: Registration;
  /** The topic that the device was told; undefined where the program does not say. */
  topic: string | undefined;
  registeredMs: number | undefined;
  renewedMs: number | undefined;
}

/** What a file says of a target, read but not yet held against the rules. */
export type Claim = ({ kind: 'exported' } & WholeTarget) | ({ kind: 'registration' } & ForeignRegistration);

/** One thing in a file. */
export type Item = {
  /** Its line, or its number among the accounts of a file that is one JSON value. From 1. */
  place: number;
  /** Whom it is about, where that can be read. */
  user?: string | undefined;
} & ({ claim: Claim } | { fault: Fault });
