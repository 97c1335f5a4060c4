import type { Clock } from './clock.ts';

/** `serve` waits 50 ms for the database before it keeps an event as a file, so a turn holds the lock for less. */
export const TURN_MS = 20;

const FIRST_SIZE = 50;
const LEAST_SIZE = 10;
const LARGEST_SIZE = 5000;

/**
 * Does long work on the database in turns that are short, and between them leaves it to others for as long.
 * `work` does at most so many pieces of it, and gives false when nothing is left.
 */
export async function inTurns(work: (size: number) => Promise<boolean>, clock: Clock): Promise<void> {
  let size = FIRST_SIZE;
  for (;;) {
    const startMs = clock.steadyMs();
    if (!(await work(size))) return;
    const tookMs = clock.steadyMs() - startMs;
    size = nextSize(size, tookMs);
    await clock.sleep(Math.max(TURN_MS, tookMs));
  }
}

/** How many pieces the next turn takes, from how long these took. Pure. */
export function nextSize(size: number, tookMs: number): number {
  const factor = tookMs > TURN_MS ? 1 / 2 : tookMs < TURN_MS / 2 ? 2 : 1;
  return Math.min(LARGEST_SIZE, Math.max(LEAST_SIZE, Math.floor(size * factor)));
}
