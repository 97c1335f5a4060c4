import type { Clock } from '../process/clock.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../process/log.ts';
import { createSettingRight } from './setting-right.ts';

/** A smaller step is the everyday work of whoever keeps the clock right. */
const JUMP_MS = 10_000;

/** Time synchronisation, or a person, has set a wrong clock right by then. */
const DISTRUST_MS = 60 * 60_000;

/** More than twice what passes between two looks of a `serve`: nobody has delivered since. */
const GAP_MS = 25 * 60_000;

/** Rows that others dated by a clock whose jump this process did not see are found within this. */
const LOOK_INTERVAL_MS = 10 * 60_000;

/** Often enough to be seen, seldom enough to be read. */
const TELL_INTERVAL_MS = 24 * 60 * 60_000;

export interface ClockWatch {
  /** A clock that jumps is told; then, and now and then, what a clock that was ahead has put off is looked for. */
  look(): Promise<void>;
  /** A short turn of that. Gives how long the database is then left to others; undefined where nothing is left to do. */
  setRight(): Promise<number | undefined>;
  /**
   * False for an hour of the steady clock after the clock was set ahead, or was found so: what seems old by it may be new.
   * Asked after a look.
   */
  isTrusted(): boolean;
}

export interface ClockWatchOptions {
  store: Store;
  clock: Clock;
  log: Log;
}

/** Sees the clock jump by what a clock that nobody sets says. */
export function createClockWatch({ store, clock, log }: ClockWatchOptions): ClockWatch {
  let offsetMs = clock.nowMs() - clock.steadyMs();
  let [lookedMs, distrustedUntilMs] = [-Infinity, -Infinity];
  let hasBegun = false;
  let isNews = false;
  let setRight = (): Promise<number | undefined> => Promise.resolve(undefined);
  const notice = (): void => {
    const steadyMs = clock.steadyMs();
    const jumpMs = clock.nowMs() - steadyMs - offsetMs;
    if (Math.abs(jumpMs) < JUMP_MS) return;
    offsetMs += jumpMs;
    log.warn(jumpMs > 0 ? FORWARD : BACK, { seconds: Math.round(Math.abs(jumpMs) / 1000) });
    if (jumpMs > 0) distrustedUntilMs = steadyMs + DISTRUST_MS;
    [isNews, lookedMs] = [jumpMs > 0, -Infinity];
  };
  const seen = async (nowMs: number): Promise<void> => {
    if (hasBegun) await store.noteClock(nowMs, isNews);
    else distrustedUntilMs = Math.max(distrustedUntilMs, clock.steadyMs() + (await begin(store, nowMs, log)));
    [hasBegun, isNews] = [true, false];
  };
  return {
    look: async () => {
      notice();
      if (clock.steadyMs() - lookedMs < LOOK_INTERVAL_MS) return;
      await seen(clock.nowMs());
      lookedMs = clock.steadyMs();
      setRight = createSettingRight(store, clock);
      if (await store.mayTellClock(clock.nowMs(), TELL_INTERVAL_MS)) log.warn(AHEAD);
    },
    setRight: () => setRight(),
    isTrusted: () => {
      notice();
      return clock.steadyMs() >= distrustedUntilMs;
    },
  };
}

/**
 * For how long a process that begins does not trust the clock. Where it is much later than when somebody delivered last,
 * either nobody did or it is ahead: that cannot be told apart, and old pushes are kept. It says so for all that follow.
 */
async function begin(store: Store, nowMs: number, log: Log): Promise<number> {
  const { seenMs, doubtedMs } = await store.clockSeen();
  const { distrustMs, gapMs } = beginningOf(nowMs, seenMs, doubtedMs);
  await store.noteClock(nowMs, gapMs !== undefined);
  if (gapMs !== undefined) log.info(LATER, { seconds: Math.round(gapMs / 1000) });
  return distrustMs;
}

/** What is known of the clock when a process begins to deliver. */
export interface Beginning {
  /** How long it is to be distrusted; 0: not at all. */
  distrustMs: number;
  /** How far it is from where it was seen last, where that is news. */
  gapMs: number | undefined;
}

/** Pure. One that is earlier than it was doubted has been set right meanwhile. */
export function beginningOf(nowMs: number, seenMs: number | null, doubtedMs: number | null): Beginning {
  const gapMs = seenMs === null ? 0 : nowMs - seenMs;
  if (gapMs > GAP_MS) return { distrustMs: DISTRUST_MS, gapMs };
  const doubtedForMs = doubtedMs === null ? Infinity : nowMs - doubtedMs;
  const isDoubted = doubtedForMs >= 0 && doubtedForMs < DISTRUST_MS;
  return { distrustMs: isDoubted ? DISTRUST_MS - doubtedForMs : 0, gapMs: undefined };
}

const FORWARD = 'the clock was set ahead, or the machine slept: nothing is given up for its age for an hour';
const LATER =
  'the clock is much later than when pushes were last delivered: in case it is ahead, nothing is given up for its age for an hour';
const BACK = 'the clock was set back: what lies in the future counts as now';
const AHEAD =
  'the database has times in the future: the clock was ahead, or is behind now (timedatectl tells); they count as now';
