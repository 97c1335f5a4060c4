import type { Surroundings } from '../process/surroundings.ts';
import { agoText, timeText } from '../process/text.ts';

/** How tables are laid out for whoever reads them. */
export interface Layout {
  /** The most that a line may take. */
  columns: number;
  /** Milliseconds since the epoch as a text; `never` for null. */
  time: (ms: number | null) => string;
}

/** For files and programs: lines of any length, times in ISO 8601. */
export const IN_FULL: Layout = { columns: Infinity, time: timeText };

/** On a terminal: lines as wide as that is, times as their age now. Elsewhere in full. */
export function layoutFor({ stdout, clock }: Pick<Surroundings, 'stdout' | 'clock'>): Layout {
  if (stdout.isTTY !== true) return IN_FULL;
  return {
    columns: columnsIn(stdout),
    time: (ms) => (ms === null ? 'never' : ageText(ms, clock.nowMs())),
  };
}

/** A terminal that does not know its width says 0 (tty_ioctl(4)), or nothing. */
export function columnsIn({ columns = 0 }: { readonly columns?: number }): number {
  return columns > 0 ? columns : Infinity;
}

const MINUTE_MS = 60_000;

/** An age without seconds, which nobody wants to know and which would not stand still. */
function ageText(ms: number, nowMs: number): string {
  return ms <= nowMs && nowMs - ms < MINUTE_MS ? 'just now' : agoText(ms, nowMs);
}
