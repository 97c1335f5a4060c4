/** An iPhone registers about once a day: where none did for longer, the clock is more likely wrong than every device gone. */
export const HEARD_MS = 2 * 24 * 60 * 60_000;

/** On so small a host two devices that leave are most of them: what stays there is told, and no failure every night. */
const FEW_DEVICES = 3;

/** What is known before anything is removed. Times are milliseconds since the epoch. */
export interface PruneCounts {
  devices: number;
  /** How many of them would go. */
  removed: number;
  /** The latest registration of any device until now; a later one is of a clock that was ahead. */
  renewedMs: number | undefined;
  nowMs: number;
}

/** Why nothing may be removed without `--force`. */
export interface Refusal {
  reason: 'silence' | 'most';
  counts: PruneCounts;
  /** Of a host with few devices, on which it is no error. */
  small: boolean;
}

/**
 * Whether so much may be removed: never more than half of all devices, and none where no device at all has registered
 * within two days. Undefined where it may. Pure.
 */
export function refusePrune(counts: PruneCounts): Refusal | undefined {
  const { devices, removed, renewedMs = -Infinity, nowMs } = counts;
  if (removed === 0) return undefined;
  const small = devices <= FEW_DEVICES;
  if (renewedMs < nowMs - HEARD_MS) return { reason: 'silence', counts, small };
  return removed * 2 > devices ? { reason: 'most', counts, small } : undefined;
}
