import type { Outcome } from './outcome.ts';
import type { ChangeName } from '../events/mail-event.ts';
import type { Mailbox } from '../mailboxes/mailbox.ts';
import type { Settlement } from './settlement.ts';

/** A waiting push that this process has leased, with all that an attempt needs. Times are milliseconds since the epoch. */
export interface ClaimedPush {
  targetId: number;
  user: string;
  deviceToken: string;
  accountId: string;
  /** The topic that the phone was told; '' if unknown. */
  topic: string;
  renewedMs: number;
  /** Random, and the row's own: of this each attempt's apns-id is made, see apns-id.ts. */
  apnsId: string;
  event: ChangeName;
  /** What has joined the row after this generation is not in this push. */
  generation: number;
  /** Counts the one that is about to be made. */
  attempts: number;
  /** When its latest event happened. */
  eventMs: number;
  /** When its first event was taken: what came late through the spool is not given up for its age. */
  enqueuedMs: number;
  /** At most as many as were asked for; `inbox` marks the INBOX of the target's own user. */
  mailboxes: (Mailbox & { hash: string | undefined; inbox: boolean })[];
}

/** An attempt that has ended. */
export interface Attempt {
  push: ClaimedPush;
  outcome: Outcome;
  /** The server is known not to have processed it. */
  unprocessed: boolean;
  /** Of the credential that was used; undefined where none was. */
  fingerprint: string | undefined;
  /** Nobody was asked: the push waits with others, for the reason that Apple gave for them. */
  isHeld?: boolean;
  /** The topic that Apple takes after all: what waited for it is due now. */
  acceptedTopic?: string;
}

/** An attempt, and what was decided about its push and its target. */
export interface Settled {
  attempt: Attempt;
  settlement: Settlement;
}
