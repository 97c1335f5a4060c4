import type { Clock } from '../process/clock.ts';
import { OperatorError } from '../process/errors.ts';
import type { Display } from './display.ts';
import type { Status } from './status.ts';

export interface WatchOptions {
  look: () => Promise<Status>;
  display: Display;
  intervalMs: number;
  clock: Clock;
  /** Ends it. */
  signal: AbortSignal;
}

/** Shows the state anew every interval until the signal aborts. A database that cannot be used for now is shown too. */
export async function watchStatus({ look, display, intervalMs, clock, signal }: WatchOptions): Promise<void> {
  display.open();
  try {
    while (!signal.aborted) {
      display.show(await lookOrTrouble(look, clock));
      await clock.sleep(intervalMs, signal);
    }
  } finally {
    display.close();
  }
}

/** What one look gave. */
export type Frame = Status | { nowMs: number; trouble: string; fix: string };

async function lookOrTrouble(look: WatchOptions['look'], clock: Clock): Promise<Frame> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof OperatorError)
      return { nowMs: clock.nowMs(), trouble: error.message, fix: error.hint };
    throw error;
  }
}
