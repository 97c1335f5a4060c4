import { MAY_BE_LOST, type Store } from '../db.ts';

/** Time synchronisation, or a person, has set a wrong clock right by then. */
export const DISTRUST_MS = 60 * 60_000;

/** More than twice what passes between two looks of a `serve`: nobody has delivered since. */
const GAP_MS = 25 * 60_000;

/** What is known of the clock when a process begins to deliver. */
export interface Beginning {
  /** How long it is to be distrusted; 0: not at all. */
  distrustMs: number;
  /** How far it is from where it was seen last, where that is news. */
  gapMs: number | undefined;
}

/**
 * Whether the clock can be believed by a process that begins. Where it is much later than when somebody delivered last,
 * either nobody did or it is ahead: that cannot be told apart, and old pushes are kept. It says so for all that follow.
 */
export function beginWith(store: Store, nowMs: number): Promise<Beginning> {
  return store.write((sql) => {
    const { seenMs, doubtedMs } = sql(
      'SELECT clock_seen_ms AS seenMs, doubted_ms AS doubtedMs FROM deliverer',
    ).get() as { seenMs: number | null; doubtedMs: number | null };
    const beginning = beginningOf(nowMs, seenMs, doubtedMs);
    const doubted = beginning.gapMs === undefined ? doubtedMs : nowMs;
    sql('UPDATE deliverer SET clock_seen_ms = ?, doubted_ms = ?').run(nowMs, doubted);
    return beginning;
  }, MAY_BE_LOST);
}

/** Pure. One that is earlier than it was doubted has been set right meanwhile. */
export function beginningOf(nowMs: number, seenMs: number | null, doubtedMs: number | null): Beginning {
  const gapMs = seenMs === null ? 0 : nowMs - seenMs;
  if (gapMs > GAP_MS) return { distrustMs: DISTRUST_MS, gapMs };
  const doubtedForMs = doubtedMs === null ? Infinity : nowMs - doubtedMs;
  const isDoubted = doubtedForMs >= 0 && doubtedForMs < DISTRUST_MS;
  return { distrustMs: isDoubted ? DISTRUST_MS - doubtedForMs : 0, gapMs: undefined };
}

/** What a process that goes on delivering sees, for whoever comes after it; `isDoubted`: it was just set ahead. */
export function noteClock(store: Store, nowMs: number, isDoubted: boolean): Promise<void> {
  return store.write((sql) => {
    sql('UPDATE deliverer SET clock_seen_ms = @nowMs, doubted_ms = iif(@isDoubted, @nowMs, doubted_ms)').run({
      nowMs,
      isDoubted: isDoubted ? 1 : 0,
    });
  }, MAY_BE_LOST);
}
