import type { Clock } from '../process/clock.ts';
import type { WakeRequest, Woken } from '../store/delivery.ts';
import type { Store } from '../store/store.ts';
import { Pace } from '../process/turns.ts';
import type { Attempt } from '../outbox/attempt.ts';

/** More than are leased in one turn, and a few milliseconds' work: a million may wait when Apple is back. */
const ROWS_A_TURN = 2000;

/** What fails although others get through is not asked for at each success. */
const LEAST_INTERVAL_MS = 1000;

/** While pushes get through, what has failed often is tried again as soon as it may be: see upkeep.ts. */
const LONGEST_INTERVAL_MS = 5 * 60_000;

/** Answers that concern more than one device: others wait too, until a push gets through again. */
const WAITS_FOR_OTHERS: ReadonlySet<Attempt['outcome']['kind']> = new Set(['retry', 'misconfigured']);

/** When a success makes due what waited for Apple in general: once after trouble, and some thousand rows in a turn. */
export class Waking {
  #isDone = false;
  #rest: WakeRequest | undefined;
  #wokenMs = -Infinity;

  /** For a turn that writes these attempts down; by the steady clock. */
  request(attempts: readonly Attempt[], steadyMs: number): WakeRequest | undefined {
    if (this.#rest !== undefined) return this.#rest;
    const intervalMs = this.#isDone ? LONGEST_INTERVAL_MS : LEAST_INTERVAL_MS;
    if (steadyMs - this.#wokenMs < intervalMs || !attempts.some(isDelivered)) return undefined;
    return { limit: ROWS_A_TURN, all: undefined };
  }

  /** The turn is written down; `doubts`: Apple says of too many devices that they are gone. */
  note(attempts: readonly Attempt[], woken: Woken | undefined, doubts: boolean, steadyMs: number): void {
    if (woken !== undefined) {
      this.#rest = woken.rows === ROWS_A_TURN ? { limit: ROWS_A_TURN, all: woken.all } : undefined;
      this.#wokenMs = steadyMs;
      this.#isDone = true;
    }
    if (doubts || attempts.some(({ outcome }) => WAITS_FOR_OTHERS.has(outcome.kind))) this.#isDone = false;
  }
}

function isDelivered({ outcome }: Attempt): boolean {
  return outcome.kind === 'delivered';
}

/**
 * With other credentials, what waited for the connection, the former ones or a topic is due now. Each call is a short
 * turn, where it is time for one, and gives how long the database is then left to others; undefined: nothing is left.
 */
export function createWake(store: Store, clock: Clock): () => Promise<number | undefined> {
  const nowMs = clock.nowMs();
  const pace = new Pace(clock);
  let hasBegun = false;
  return async () => {
    if (!hasBegun) await store.wakeTopics(nowMs);
    hasBegun = true;
    const isDone =
      pace.restMs === 0 && (await pace.turn(async (limit) => (await store.wake(nowMs, limit)) < limit));
    return isDone ? undefined : pace.restMs;
  };
}
