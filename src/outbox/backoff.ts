/** Seconds from a failed attempt to the next one; the last interval repeats until `delivery.give_up`. */
export const BACKOFF_S: readonly number[] = [2, 5, 15, 60, 300, 900, 1800, 3600];

/** How far an interval may stray, so that pushes which failed together do not come back together. */
export const JITTER = 0.2;

/**
 * Milliseconds until the next attempt after `attempts` failed ones (at least 1).
 * `random` is in [0, 1). Never sooner than Apple asked for with `afterMs`; no interval is longer than `longestMs`.
 */
export function backoffMs(attempts: number, random: number, afterMs = 0, longestMs = Infinity): number {
  const index = Math.min(Math.max(attempts, 1), BACKOFF_S.length) - 1;
  const intervalMs = Math.min((BACKOFF_S[index] ?? 0) * 1000, longestMs);
  return Math.max(Math.round(intervalMs * (1 - JITTER + 2 * JITTER * random)), afterMs);
}

/**
 * While nothing gets through, one attempt is made so often, whatever the intervals have grown to: it shows that Apple is
 * back, and then nothing waits any more.
 */
export const PROBE_INTERVAL_MS = 60_000;
