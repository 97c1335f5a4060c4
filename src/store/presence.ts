/** Who is there to deliver. Times are milliseconds since the epoch, by the system's clock. */
export interface PresenceVerbs {
  /**
   * Asks to be the one that starts a deliverer. True for one caller in `forMs`, so that two hundred handlers do not
   * start two hundred.
   */
  mayStartDeliverer(nowMs: number, forMs: number): Promise<boolean>;
  /** Called when the deliverer is up, or is about to end: from here on its socket tells whether it is there. */
  delivererStarted(): Promise<void>;
  /** A `serve` says that it is there. Several may be; those that are silent for `ANNOUNCED_FOR_MS` are forgotten. */
  announceServe(announcement: Announcement): Promise<void>;
  /** It ends, and says so of nobody else. */
  withdrawServe(owner: string): Promise<void>;
}

/** What a `serve` says of itself. */
export interface Announcement {
  /** Names its process; see lease.ts. */
  owner: string;
  /** When the process began. */
  sinceMs: number;
  nowMs: number;
  /** What it works with and is no longer what lies there: a path, or the program. */
  outdated: string | undefined;
  /** None by default. */
  closed?: readonly ClosedDoor[];
}

/** A door of a `serve` that is not open as it is configured, and is tried again. */
export interface ClosedDoor {
  door: string;
  /** The one of the configuration before is open meanwhile. */
  isAsBefore: boolean;
  sinceMs: number;
  reason: string;
  fix: string | null;
}

/** Who has not said for so long that it is there is not; three times what a `serve` lets pass. */
export const ANNOUNCED_FOR_MS = 60_000;

/** In SQL: neither long ago nor, by a clock that was ahead, long from now. */
export const ANNOUNCED = 'announced_ms BETWEEN @fromMs AND @toMs';

export function spanAround(nowMs: number): { fromMs: number; toMs: number } {
  return { fromMs: nowMs - ANNOUNCED_FOR_MS, toMs: nowMs + ANNOUNCED_FOR_MS };
}
