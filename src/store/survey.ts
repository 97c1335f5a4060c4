/** What a database server is like, for whoever looks after it. */
export interface Survey {
  /** Such as `15.13`. */
  version: string;
  encoding: string;
  /** What in the schema this user may not read or write. */
  closed: string[];
  /** Whether this user may bring the schema to a newer version. */
  mayChange: boolean;
  /** How far its clock is ahead of this host's; 0 where they agree. */
  clockAheadMs: number;
  /** How long the oldest transaction in the database has been open; 0 where none is seen. */
  oldestTransactionMs: number;
  /** Whether transactions of other users are seen. */
  seesOthers: boolean;
  /** How many more connections the server takes. */
  connectionsLeft: number;
  /** What the tables and their indexes take, in bytes. */
  bytes: number;
  /** Rows that were changed or removed and still take room. */
  deadRows: number;
  /** Whether a power cut takes nothing of what was committed. */
  isDurable: boolean;
}
