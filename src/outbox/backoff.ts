/** Seconds from a failed attempt to the next one; the last interval repeats until `delivery.give_up`. */
export const BACKOFF_S: readonly number[] = [2, 5, 15, 60, 300, 900, 1800, 3600];

/** How far an interval may stray, so that pushes which failed together do not come back together. */
export const JITTER = 0.2;

/**
 * Milliseconds until the next attempt after `attempts` failed ones (at least 1).
 * `random` is in [0, 1). Never sooner than Apple asked for with `afterMs`.
 */
export function backoffMs(attempts: number, random: number, afterMs = 0): number {
  const index = Math.min(Math.max(attempts, 1), BACKOFF_S.length) - 1;
  const intervalMs = (BACKOFF_S[index] ?? 0) * 1000;
  return Math.max(Math.round(intervalMs * (1 - JITTER + 2 * JITTER * random)), afterMs);
}
