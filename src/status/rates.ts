import type { Config } from '../config/config.ts';
import type { Entry, PushEntry } from '../history/entry.ts';
import type { KeptHistory } from '../history/kept.ts';
import { messageOf } from '../process/errors.ts';

/** What the history tells of the pushes of some time. */
export interface Rate {
  /** Pushes that Apple took. */
  delivered: number;
  /** Attempts that ended otherwise. */
  failed: number;
  /** From the event to Apple's answer, of what Apple took; undefined where it took none. */
  medianDelayMs: number | undefined;
}

export interface Rates {
  hour: Rate;
  day: Rate;
  /** Where the history does not go back so far: since when it was read. */
  sinceMs: number | undefined;
}

const HOUR_MS = 60 * 60_000;
export const DAY_MS = 24 * HOUR_MS;

/** The newest entries that are read, of all kinds: a tenth of a second's work, however long the history is. */
const MAX_ENTRIES = 10_000;

/** Of the last hour and the last day, or why they are not known. */
export async function ratesOf(
  kept: KeptHistory,
  { history }: Pick<Config, 'history'>,
  nowMs: number,
): Promise<Rates | { trouble: string }> {
  if (history.maxEntries === 0) return { trouble: 'not known: history.max_entries is 0' };
  const maxEntries = Math.min(history.maxEntries, MAX_ENTRIES);
  try {
    const entries = await kept.read({
      ...{ limit: Infinity, sinceMs: nowMs - DAY_MS, maxEntries, shelves: ['devices'], wanted: () => true },
    });
    const pushes = entries.filter((entry) => isPush(entry)).filter(({ atMs }) => atMs <= nowMs);
    return {
      hour: rateOf(pushes.filter(({ atMs }) => atMs >= nowMs - HOUR_MS)),
      day: rateOf(pushes),
      sinceMs: entries.length < maxEntries ? undefined : entries[0]?.atMs,
    };
  } catch (error) {
    return { trouble: `not known: ${messageOf(error)}` };
  }
}

function isPush(entry: Entry): entry is PushEntry {
  return entry.kind === 'push';
}

function rateOf(pushes: readonly PushEntry[]): Rate {
  const delivered = pushes.filter(({ outcome }) => outcome === 'delivered');
  const delaysMs = delivered.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  return {
    delivered: delivered.length,
    failed: pushes.length - delivered.length,
    medianDelayMs: delaysMs[Math.floor((delaysMs.length - 1) / 2)],
  };
}
