import type { ChangeName } from '../events/mail-event.ts';
import type { Mailbox } from '../mailboxes/mailbox.ts';
import type { Hold } from './hold.ts';

/** Which waiting pushes a person means. All conditions hold together; none given means all. */
export interface WaitingFilter {
  user?: string | undefined;
  /** `*` stands for any characters, `?` for one. */
  userPattern?: string | undefined;
  /** Beginning of the device token, in either case. */
  tokenPrefix?: string | undefined;
  accountId?: string | undefined;
  heldBy?: Hold | undefined;
  /** In the outbox since then or before, in milliseconds since the epoch. */
  enqueuedUntilMs?: number | undefined;
}

/** A push in the outbox. Times are milliseconds since the epoch. */
export interface WaitingPush {
  targetId: number;
  user: string;
  deviceToken: string;
  accountId: string;
  event: ChangeName;
  mailboxes: Mailbox[];
  /** When its first and its latest event came. */
  enqueuedMs: number;
  eventMs: number;
  dueMs: number;
  attempts: number;
  attemptedMs: number | null;
  heldBy: Hold | null;
  lastReason: string | null;
  /** The process that is sending it, see lease.ts; as long as `leaseUntilMs` is to come. */
  leaseOwner: string | null;
  leaseUntilMs: number | null;
}

/** How many pushes match, by what a person can do about them. */
export interface WaitingCount {
  /** Nobody is sending them. */
  free: number;
  /** Of those, how many wait because Apple named a time for their device, which is to come. */
  askedToWait: number;
  /** Under way to Apple: nothing is done to these. */
  sending: number;
}

/** A push about which a person did something. */
export type HandledPush = Pick<WaitingPush, 'targetId' | 'user' | 'deviceToken' | 'event' | 'lastReason'>;

/** A push that was dropped for its age. */
export interface GivenUp {
  user: string;
  deviceToken: string;
  reason: string;
}
