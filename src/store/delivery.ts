import type { ClaimedPush, Settled } from '../outbox/attempt.ts';
import type { SettlingFacts, SettlingQuestion } from '../outbox/settling.ts';
import type { GivenUp } from '../outbox/waiting.ts';
import type { IssuedToken } from '../apns/provider-token.ts';

/** What whoever delivers does with the outbox. Times are milliseconds since the epoch. */
export interface DeliveryVerbs {
  /**
   * Writes down what has ended and leases what is due, which a power cut may undo: then a push goes once more under the
   * same apns-id, or Apple says once more that a device is gone.
   */
  takeTurn(turn: Turn): Promise<TurnResult>;
  /** What has to be known before attempts can be settled. */
  settlingFacts(question: SettlingQuestion): Promise<SettlingFacts>;
  /** When the next row may be tried; undefined where none waits. Found by an index, however many wait. */
  nextDueMs(): Promise<number | undefined>;
  /** How much waits: rows, and when the next one may be tried; undefined where none waits. */
  countDue(): Promise<{ rows: number; nextMs: number | undefined }>;
  /** Those of the given targets that a push still waits for. */
  stillWaiting(targetIds: readonly number[]): Promise<number[]>;
  /** At most `limit` rows that wait for the connection, Apple or a credential are due now. Gives how many. */
  wake(nowMs: number, limit: number): Promise<number>;
  /** What waits for a topic that no credential was for is due now. Gives how many. */
  wakeTopics(nowMs: number): Promise<number>;
  /** Makes every row due that no process is sending. Gives how many waited. */
  makeAllDue(nowMs: number): Promise<number>;
  /**
   * Whoever begins to deliver says with which edition. Where it is another than the one before, what waits for something
   * that a configuration can cure is due now. Gives how many rows.
   */
  takeUp(edition: string, nowMs: number): Promise<number>;
  /**
   * Drops at most `limit` pushes whose latest event is older than that and was taken before it, the oldest first; gives
   * whose they were.
   */
  giveUp(terms: { eventBeforeMs: number; nowMs: number; limit: number }): Promise<GivenUp[]>;
  /** Who has leased rows. */
  leaseOwners(): Promise<string[]>;
  /** Gives back every lease of these processes, unsent or unanswered. The rows are due as they were. Gives how many. */
  releaseLeases(owners: readonly string[]): Promise<number>;
  /** Gives back what this process has leased and not sent: the attempts that were recorded for it are not made. */
  releaseUnsent(owner: string): Promise<number>;
  /**
   * A row that was written later than now was written while the clock was ahead: it is due, whoever has leased it. Looks at
   * the next `limit` rows after that target's.
   */
  setRight(terms: { nowMs: number; afterTargetId: number; limit: number }): Promise<SetRight>;
  /** What the clock said when somebody delivered last, and since when it may be ahead. */
  clockSeen(): Promise<ClockSeen>;
  /** What a process that delivers sees, for whoever comes after it; `isDoubted`: it may be ahead from now on. */
  noteClock(nowMs: number, isDoubted: boolean): Promise<void>;
  /** True for one caller in `everyMs`, while a device has registered in the future or Apple has taken a push there. */
  mayTellClock(nowMs: number, everyMs: number): Promise<boolean>;
  /** True for one caller in `everyMs`: who may warn that this credential ends. */
  mayWarn(
    credential: { fingerprint: string; server: string },
    nowMs: number,
    everyMs: number,
  ): Promise<boolean>;
  /** The provider token in use. */
  providerToken(fingerprint: string): Promise<IssuedToken | undefined>;
  /** Puts the token that `issue` makes in place of the one in use, unless `keep` says that this one will do. */
  replaceProviderToken(fingerprint: string, terms: TokenTerms): Promise<IssuedToken>;
}

export interface SetRight {
  /** How many were written later than now. */
  rows: number;
  /** The target of the last that was looked at; undefined where there are no more. */
  last: number | undefined;
}

export interface ClockSeen {
  seenMs: number | null;
  doubtedMs: number | null;
}

export interface TokenTerms {
  keep: (known: IssuedToken) => boolean;
  issue: () => IssuedToken;
}

/** What a turn is to make due beside what it does. */
export interface WakeRequest {
  /** So many rows at most. */
  limit: number;
  /** Those too that have failed often just now; undefined: where Apple was away. */
  all: boolean | undefined;
}

/** What it has made due. */
export interface Woken {
  rows: number;
  all: boolean;
}

export interface TurnResult {
  woken: Woken | undefined;
  /** Leased to `owner`, their attempts recorded. */
  pushes: ClaimedPush[];
}

export interface Turn {
  /** What has ended and is not written down yet. */
  settled: readonly Settled[];
  /** What waited for Apple in general is to be due now; undefined: nothing. */
  wakes: WakeRequest | undefined;
  /** Where the pushes went: what a credential has achieved is kept for each server. */
  server: string;
  /** Names this process; see lease.ts. */
  owner: string;
  nowMs: number;
  /** How many rows to lease, for how long, and how many mailboxes of each. */
  limit: number;
  leaseUntilMs: number;
  maxMailboxes: number;
  /** Only rows whose latest event is later, the latest first; undefined: all, the longest due first. */
  eventAfterMs?: number | undefined;
  /** At least this long between two pushes to one target. */
  throttleMs: number;
  newApnsId: () => string;
}
