import { Pace } from '../process/turns.ts';
import type { CourierOptions } from './courier.ts';
import { tellGivenUp, tellManyGivenUp } from './tell.ts';

/** Nothing is lost by a minute. */
const INTERVAL_MS = 60_000;

/** Pushes that are named one by one; of a larger backlog the rest is a number. */
export const MAX_NAMED = 100;

/** For how long a host has it to itself from each look and each turn on: another does it when that one has died. */
const DUTY_MS = 2.5 * INTERVAL_MS;

/** What is still to be given up. */
export interface TooOld {
  /** Pushes whose latest event is not later than that. */
  beforeMs: number;
  /** How long the database is left to others before the next turn. */
  restMs: number;
}

interface Round {
  beforeMs: number;
  pace: Pace;
  count: number;
}

/**
 * Drops what is older than `giveUpMs`: looks once in a while, and takes a backlog a short turn at a time. Of several hosts
 * one does it.
 */
export class GivingUp {
  readonly #options: CourierOptions;
  #lookedMs = -Infinity;
  #round: Round | undefined;

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  /** A turn, where it is time for one. Gives what is left then; undefined where nothing is. */
  async turn(): Promise<TooOld | undefined> {
    this.#round ??= this.#begin();
    const round = this.#round;
    if (round === undefined) return undefined;
    const { beforeMs, pace } = round;
    if (pace.restMs === 0 && !(await pace.turn((size) => this.#drop(round, size)))) {
      if (round.count > MAX_NAMED) tellManyGivenUp(this.#options.log, round.count);
      this.#round = undefined;
      return undefined;
    }
    return { beforeMs, restMs: pace.restMs };
  }

  #begin(): Round | undefined {
    const { clock, giveUpMs } = this.#options;
    const steadyMs = clock.steadyMs();
    if (steadyMs - this.#lookedMs < INTERVAL_MS) return undefined;
    this.#lookedMs = steadyMs;
    return { beforeMs: clock.nowMs() - giveUpMs, pace: new Pace(clock), count: 0 };
  }

  /** Gives whether there may be more. */
  async #drop(round: Round, limit: number): Promise<boolean> {
    const { store, owner, clock, log, onGivenUp } = this.#options;
    if ((await store.shared?.takeDuty('give up', owner, DUTY_MS)) === false) return false;
    const dropped = await store.giveUp({ eventBeforeMs: round.beforeMs, nowMs: clock.nowMs(), limit });
    const named = dropped.slice(0, Math.max(0, MAX_NAMED - round.count));
    round.count += dropped.length;
    tellGivenUp(log, named);
    if (dropped.length > 0) onGivenUp?.(dropped, named);
    return dropped.length === limit;
  }
}
