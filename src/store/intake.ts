import type { ChangeName } from '../events/mail-event.ts';
import type { Mailbox } from '../mailboxes/mailbox.ts';
import type { Timing } from '../outbox/timing.ts';
import type { NewTarget } from '../targets/target.ts';

/** What events do to the store. */
export interface IntakeVerbs {
  /**
   * Adds or renews a target with its subscriptions. Of two registrations of a device the newer holds, as a whole; of two
   * of the same time the one that comes later. Of collections a device has as many as it asks for; one that registers
   * takes some of those away that ran out a day ago or earlier.
   */
  register(target: NewTarget, request: RegisterRequest): Promise<RegisterResult>;
  /**
   * Puts one push into the outbox for each target subscribed to one of the mailboxes. A push that is waiting is joined:
   * its mailboxes merge, and it is due now unless Apple asked us to leave this device alone.
   */
  enqueue(request: EnqueueRequest): Promise<Enqueued>;
  /** The ids of targets that asked for one of the mailboxes. An index is all that it reads, however many there are. */
  subscribed(mailboxes: readonly Mailbox[]): Promise<number[]>;
  /**
   * The topic that most devices have of the registrations of the last days: a phone registers once a day, and what one
   * mail server tells by mistake few have. Of as many, one under which Apple has taken a push since, then the latest. What
   * a clock that was ahead has dated counts only where there is nothing else. Undefined where none has a topic.
   */
  usualTopic(nowMs: number): Promise<string | undefined>;
}

/** How long what has run out stays, so that a clock that is ahead by hours removes nothing, and how many go at a time. */
export const KEPT_EXPIRED_MS = 24 * 60 * 60_000;
export const MAX_EXPIRED = 100;

/** Before the latest registration: those of phones that are in use, with a day for one that was switched off. */
export const LAST_DAYS_MS = 2 * 24 * 60 * 60_000;

export interface RegisterRequest {
  nowMs: number;
  /** When the device registered, where that was before: what lay in the spool. One in the future counts as now. */
  atMs?: number | undefined;
  maxPerUser: number;
}

export interface RegisterResult {
  /** First registration of this target, not a renewal. */
  created: boolean;
  /** Older account ids of the same device that it replaced. */
  replaced: number;
  /** Least recently renewed targets of the user that had to go. */
  evicted: number;
  /** The device has registered since: nothing was changed. */
  outdated: boolean;
  /** Mailboxes whose names are too long for the database; absent where all fit. */
  leftOut?: number;
}

export interface EnqueueRequest {
  event: ChangeName;
  /** Whether it is told at once; by default as the event's name says. */
  isNewMail?: boolean | undefined;
  /** It waits so long for more, whoever delivers; by default as its name and `timing` say. */
  gatheringMs?: number | undefined;
  mailboxes: Mailbox[];
  nowMs: number;
  /** When it happened, where that was before: what lay in the spool. One in the future counts as now. */
  atMs?: number | undefined;
  /** Makes a new row's random UUID. */
  newApnsId: () => string;
  /** Whether a user may hear of a mailbox that is not the user's own; everybody by default. */
  mayRead?: (user: string, mailbox: Mailbox) => boolean;
  /** Holds while a `serve` runs on this store; else every push is due at once. */
  timing: Timing;
}

export interface Enqueued {
  /** Targets that a push now waits for. */
  targetIds: number[];
  /** How many more asked for it and get no pushes until they register again. */
  disabled: number;
  /** How many more asked for it and may not read it. */
  denied: number;
  /** How many more asked for it, for another than their INBOX, and were not told its name: Mail would look into INBOX. */
  unnamed: number;
}
