/** Where an event comes in. */
export const DOOR_NAMES = ['spool', 'cyrus', 'http'] as const;
export type DoorName = (typeof DOOR_NAMES)[number];

/** What became of the events in one piece of input. They are safe: in the database, or in the spool. */
export interface Received {
  /** Why it, or an event in it, can never be taken; undefined when all is well. */
  bad: string | undefined;
  /** How many targets a push now waits for. */
  targets: number;
  /** The topic of a registration, wherever it is safe; '' where none is known, undefined where there was none. */
  topic: string | undefined;
  /** True where it is in the spool, because the database could not take it at once. */
  spooled: boolean;
}

/**
 * Makes one raw input (JSON, one event or an array) safe within milliseconds. Rejects only where neither the database
 * nor the spool can take it.
 */
export type Receive = (raw: Buffer, door: DoorName) => Promise<Received>;
