import { shown } from './shown.ts';

const UNITS_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 } as const;

/**
 * Milliseconds of a duration such as `10s`, `5m`, `24h` or `10d`: a whole number and one unit, without a space.
 * Undefined where the text is no duration, or one that a number cannot hold exactly.
 */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = /^(\d+)([dhms])$/.exec(text) ?? [];
  if (count === undefined) return undefined;
  const ms = Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS];
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** `ms`, rounded to whole seconds, in the largest unit that needs no fraction: 86,400,000 is `1d`, 90,000 is `90s`. */
export function formatDuration(ms: number): string {
  const roundedMs = Math.round(ms / UNITS_MS.s) * UNITS_MS.s;
  const fitting = Object.entries(UNITS_MS).find(([, unitMs]) => roundedMs !== 0 && roundedMs % unitMs === 0);
  const [unit, unitMs] = fitting ?? ['s', UNITS_MS.s];
  return `${String(roundedMs / unitMs)}${unit}`;
}

/** What a duration may be, in the form of the configuration. */
export interface DurationRange {
  min: string;
  max: string;
}

/** How long something is kept. iOS registers again at most every 23 hours, so that less would drop devices in use. */
export const RETENTION: DurationRange = { min: '1d', max: '3650d' };

export function isDurationIn(text: string, { min, max }: DurationRange): boolean {
  const [ms = NaN, minMs = NaN, maxMs = NaN] = [text, min, max].map(parseDuration);
  return minMs <= ms && ms <= maxMs;
}

export function outOfRange(text: string, { min, max }: DurationRange): string {
  return `${shown(text)} is out of range: expected from ${min} to ${max}`;
}
