import type { Clock } from './clock.ts';

/** Often enough to be seen by whoever looks at the log, and seldom enough for one that nobody looks at. */
const INTERVAL_MS = 10 * 60_000;

/** What goes on for long is told now and then. */
export interface Reminder {
  /** Whether to tell it: another reason at once, the same every ten minutes. */
  isDue(reason: string): boolean;
  /** It is over: the next reason is told at once. */
  clear(): void;
}

/** By the steady clock. */
export function createReminder(clock: Pick<Clock, 'steadyMs'>): Reminder {
  let told: { reason: string; atMs: number } | undefined;
  return {
    isDue: (reason) => {
      const atMs = clock.steadyMs();
      if (reason === told?.reason && atMs - told.atMs < INTERVAL_MS) return false;
      told = { reason, atMs };
      return true;
    },
    clear: () => {
      told = undefined;
    },
  };
}
