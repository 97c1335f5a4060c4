import type { Clock } from '../process/clock.ts';
import type { Display } from './display.ts';
import type { Look } from './look.ts';

export interface WatchOptions {
  look: () => Promise<Look>;
  display: Display;
  intervalMs: number;
  clock: Clock;
  /** Ends it. */
  signal: AbortSignal;
}

/** Shows the state anew every interval until the signal aborts. */
export async function watchStatus({ look, display, intervalMs, clock, signal }: WatchOptions): Promise<void> {
  display.open();
  try {
    while (!signal.aborted) {
      display.show(await look());
      await clock.sleep(intervalMs, signal);
    }
  } finally {
    display.close();
  }
}
