/** What only a store that several hosts share has. Times are milliseconds since the epoch. */
export interface SharedVerbs {
  /** Those that have had a `serve` here of late, by their names. */
  hosts(): Promise<Host[]>;
  /**
   * Asks for what one host at a time is to do: true where nobody else has it, and then it is `owner`'s for `forMs` from
   * now, by the server's clock. Asked again by the same owner it is prolonged.
   */
  takeDuty(name: Duty, owner: string, forMs: number): Promise<boolean>;
  /** Whoever asks first may have what this owner has had. */
  leaveDuties(owner: string): Promise<void>;
  /** Keeps entries of the history; a batch that is there already is left as it is. */
  keepHistory(batch: HistoryBatch): Promise<void>;
  /**
   * The latest batches with entries since then that come before that one, the latest first: a few hundred at most, and no
   * more once they have `entries`. None where there are no more.
   */
  historyBefore(terms: HistoryTerms): Promise<KeptBatch[]>;
  /** At most `limit` batches whose ids come after that one, by their ids, without those. */
  historyAfter(terms: HistoryNews): Promise<KeptBatch[]>;
  /** The id of the last one; 0 where there is none. */
  lastHistory(): Promise<number>;
  /**
   * Removes batches that ended before that, or come after as many entries as are kept on their shelf. Gives the bytes that
   * they took. A signal ends it before all are removed.
   */
  discardHistory(bounds: {
    beforeMs: number;
    maxEntries: number;
    dryRun: boolean;
    signal?: AbortSignal | undefined;
  }): Promise<number>;
}

/** What one host does for all. */
export type Duty = 'give up' | 'history' | 'prune';

/** A host and its `serve`, as that has told of itself. */
export interface Host {
  /** The name that it was given, else what leases call its machine. */
  id: string;
  name: string;
  /** The version of the program. */
  program: string;
  /** How far the server's clock was ahead of that of the host; 0 where they agreed. */
  clockAheadMs: number;
  sinceMs: number;
  seenMs: number;
  /** How long ago that was, by the server's clock. */
  silentMs: number;
  /** When its `serve` has ended as it should; null while it runs, or has died. */
  endedMs: number | null;
}

/** Entries of the history that a host brings at once. */
export interface HistoryBatch {
  /** The same however often it is brought, and no other's. */
  batch: string;
  host: string;
  shelf: string;
  untilMs: number;
  entries: number;
  /** Whom they are about; '' where they may be about anybody. */
  users: readonly string[];
  /** Each entry is a line of JSON. */
  lines: string;
}

export interface KeptBatch extends Pick<HistoryBatch, 'host' | 'shelf' | 'untilMs' | 'lines'> {
  id: number;
}

export type HistoryPlace = Pick<KeptBatch, 'id' | 'untilMs'>;

export interface HistoryTerms {
  shelves: readonly string[];
  sinceMs: number;
  before: HistoryPlace | undefined;
  entries: number;
  /** Only batches that may be about this user. */
  ofUser?: string | undefined;
}

export interface HistoryNews {
  shelves: readonly string[];
  afterId: number;
  without: readonly number[];
  limit: number;
}
