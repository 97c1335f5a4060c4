/** What a database server is like, for whoever looks after it. */
export interface Survey {
  /** Such as `15.13`. */
  version: string;
  encoding: string;
  /** How far its clock is ahead of this host's; 0 where they agree. */
  clockAheadMs: number;
  /** How long the oldest transaction in the database has been open; 0 where none is seen. */
  oldestTransactionMs: number;
  /** Rows that were changed or removed and still take room. */
  deadRows: number;
  /** Whether a power cut takes nothing of what was committed. */
  isDurable: boolean;
}
