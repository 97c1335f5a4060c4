import type { Store } from '../store/store.ts';

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
export async function beginWith(store: Store, nowMs: number): Promise<Beginning> {
  const { seenMs, doubtedMs } = await store.clockSeen();
  const beginning = beginningOf(nowMs, seenMs, doubtedMs);
  await store.noteClock(nowMs, beginning.gapMs !== undefined);
  return beginning;
}

/** Pure. One that is earlier than it was doubted has been set right meanwhile. */
export function beginningOf(nowMs: number, seenMs: number | null, doubtedMs: number | null): Beginning {
  const gapMs = seenMs === null ? 0 : nowMs - seenMs;
  if (gapMs > GAP_MS) return { distrustMs: DISTRUST_MS, gapMs };
  const doubtedForMs = doubtedMs === null ? Infinity : nowMs - doubtedMs;
  const isDoubted = doubtedForMs >= 0 && doubtedForMs < DISTRUST_MS;
  return { distrustMs: isDoubted ? DISTRUST_MS - doubtedForMs : 0, gapMs: undefined };
}
