import type { PushEntry } from '../history/entry.ts';

/** What became of attempts to push in some time. */
export interface Share {
  fromMs: number;
  delivered: number;
  failed: number;
}

/** How long Apple's answer came after the event, of pushes that Apple took. */
export interface Delay {
  pushes: number;
  p50Ms: number | undefined;
  p99Ms: number | undefined;
}

export interface Pushes {
  /** The last 24 hours, oldest first. */
  shares: Share[];
  hour: Delay;
  day: Delay;
  /** Where not all of the day is known: since when. */
  sinceMs: number | undefined;
}

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** One bar of the plot. */
export const SHARE_MS = 15 * 60_000;

/** Of the attempts of the last 24 hours, in any order; entries of a clock that was ahead are left out. Pure. */
export function pushesOf(
  entries: readonly PushEntry[],
  { nowMs, sinceMs }: { nowMs: number; sinceMs: number | undefined },
): Pushes {
  const fromMs = nowMs - DAY_MS;
  const known = entries.filter(({ atMs }) => atMs > fromMs && atMs <= nowMs);
  const shares = Array.from({ length: DAY_MS / SHARE_MS }, (_, index) => ({
    ...{ fromMs: fromMs + index * SHARE_MS, delivered: 0, failed: 0 },
  }));
  for (const { atMs, outcome } of known) {
    const share = shares[Math.ceil((atMs - fromMs) / SHARE_MS) - 1];
    if (share !== undefined) share[outcome === 'delivered' ? 'delivered' : 'failed'] += 1;
  }
  const delivered = known.filter(({ outcome }) => outcome === 'delivered');
  return {
    shares,
    hour: delayOf(delivered.filter(({ atMs }) => atMs > nowMs - HOUR_MS)),
    day: delayOf(delivered),
    sinceMs,
  };
}

/** The same in hours, for a table. Pure. */
export function hoursOf(shares: readonly Share[]): Share[] {
  const each = HOUR_MS / SHARE_MS;
  return Array.from({ length: Math.ceil(shares.length / each) }, (_, hour) => {
    const part = shares.slice(hour * each, (hour + 1) * each);
    return { fromMs: part[0]?.fromMs ?? 0, ...sumOf(part) };
  });
}

export function lastHourOf(shares: readonly Share[]): readonly Share[] {
  return shares.slice(-HOUR_MS / SHARE_MS);
}

export function sumOf(shares: readonly Share[]): Omit<Share, 'fromMs'> {
  return {
    delivered: shares.reduce((sum, { delivered }) => sum + delivered, 0),
    failed: shares.reduce((sum, { failed }) => sum + failed, 0),
  };
}

function delayOf(delivered: readonly PushEntry[]): Delay {
  const sortedMs = delivered.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  return { pushes: sortedMs.length, p50Ms: quantile(sortedMs, 0.5), p99Ms: quantile(sortedMs, 0.99) };
}

/** The least that so many parts of all do not exceed (nearest rank). */
function quantile(sortedMs: readonly number[], part: number): number | undefined {
  return sortedMs[Math.max(0, Math.ceil(part * sortedMs.length) - 1)];
}
