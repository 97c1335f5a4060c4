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
export async function inTurns(
  work: (size: number) => Promise<boolean>,
  clock: Clock,
  firstSize = FIRST_SIZE,
): Promise<void> {
  const pace = new Pace(clock, firstSize);
  while (await pace.turn(work)) await clock.sleep(pace.restMs);
}

/** The same for whoever has something else to do between the turns. */
export class Pace {
  readonly #clock: Clock;
  #size: number;
  #nextMs = -Infinity;

  constructor(clock: Clock, firstSize = FIRST_SIZE) {
    this.#clock = clock;
    this.#size = firstSize;
  }

  /** How long the database is left to others from now on. */
  get restMs(): number {
    return Math.max(0, this.#nextMs - this.#clock.steadyMs());
  }

  /** `work` does at most so many pieces. */
  async turn<Result>(work: (size: number) => Promise<Result>): Promise<Result> {
    const startMs = this.#clock.steadyMs();
    const result = await work(this.#size);
    const endMs = this.#clock.steadyMs();
    this.#size = nextSize(this.#size, endMs - startMs);
    this.#nextMs = endMs + Math.max(TURN_MS, endMs - startMs);
    return result;
  }
}

/** How many pieces the next turn takes, from how long these took. Pure. */
export function nextSize(size: number, tookMs: number): number {
  const factor = tookMs > TURN_MS ? 1 / 2 : tookMs < TURN_MS / 2 ? 2 : 1;
  return Math.min(LARGEST_SIZE, Math.max(LEAST_SIZE, Math.floor(size * factor)));
}
