import { setTimeout as pause } from 'node:timers/promises';
import type { Outcome } from '../outbox/outcome.ts';
import type { Clock } from '../process/clock.ts';
import type { Store } from '../store/store.ts';
import type { ControlWord } from './poke.ts';
import type { Log } from '../process/log.ts';
import type { Attempt, ClaimedPush } from '../outbox/attempt.ts';
import { carry } from './carry.ts';
import { type ClockWatch, createClockWatch } from './clock-watch.ts';
import { GivingUp } from './giving-up.ts';
import type { Route } from './route.ts';
import type { Settlement } from '../outbox/settlement.ts';
import { Turns } from './turn.ts';
import type { GivenUp } from '../outbox/waiting.ts';
import { createWake } from './waking.ts';
import { createWindow, type Window } from './window.ts';

/** Answers come many at a time: those of so long are written down together, and what is due is leased with them. */
const GATHERING_MS = 5;

/** Leased beside them and sent as soon as a stream is free, so that none waits for the database. */
const MAX_READY = 100;

export interface CourierOptions {
  store: Store;
  /** The ways to Apple, the main credential's first; asked for again at each drain, since files change. */
  routes: () => readonly Route[];
  /** Names this process in leases. */
  owner: string;
  /** Where the pushes go, as the configuration names it. */
  server: string;
  expiryMs: number;
  giveUpMs: number;
  /** At least this long between two pushes to one target; 0 for a short-lived process. */
  throttleMs: number;
  /** A target that has failed for so long gets no more pushes until it registers again. */
  disableAfterMs: number;
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
  log: Log;
  /** Called for each attempt after it is written down. */
  onSettled?: (push: ClaimedPush, outcome: Outcome, settlement: Settlement) => void;
  /** Called for what was dropped for its age, some thousand at a time; `named` are those that are told one by one. */
  onGivenUp?: (dropped: readonly GivenUp[], named: readonly GivenUp[]) => void;
}

/** Carries the rows of the outbox to Apple. */
export class Courier {
  readonly #options: CourierOptions;
  readonly #givingUp: GivingUp;
  readonly #clockWatch: ClockWatch;
  readonly #turns: Turns;
  readonly #ended: Attempt[] = [];
  readonly #window: Window<ClaimedPush>;
  #routes: readonly Route[] = [];
  /** Makes due what waited for other credentials, until nothing is left. */
  #wake: (() => Promise<number | undefined>) | undefined;
  /** Pushes whose latest event is not later than this are too old: they are being given up, and not sent. */
  #tooOldMs: number | undefined;
  /** Between two short turns of what a million rows may need. */
  #resting: Promise<void> | undefined;
  #deadlineMs = Infinity;
  #signal: AbortSignal | undefined;
  #progress: () => void = () => undefined;

  constructor(options: CourierOptions) {
    this.#options = options;
    this.#givingUp = new GivingUp(options);
    this.#clockWatch = createClockWatch(options);
    this.#turns = new Turns(options);
    this.#window = createWindow<ClaimedPush, Attempt>({
      width: () => this.#streams(),
      start: (push) => carry(push, this.#routes, this.#deadlineMs, options),
      onEnd: (attempt) => {
        this.#ended.push(attempt);
        this.#progress();
      },
    });
  }

  /** How long nothing is sent from now on, in milliseconds: Apple could not be reached, or refused every credential. */
  get restMs(): number {
    return Math.min(...this.#routes.map((route) => route.restMs(this.#options.clock)));
  }

  /** New rows may be due: a drain that waits for answers looks again. A retry also ends the rest after failures. */
  nudge(word: ControlWord = 'poke'): void {
    if (word === 'retry') for (const route of this.#routes) route.resume();
    this.#progress();
  }

  /**
   * Sends what is due until nothing is, the deadline passes (by the steady clock), the signal aborts or sending has to
   * rest.
   * When it resolves, no push is under way and every attempt is written down.
   */
  async drain(deadlineMs = Infinity, signal?: AbortSignal): Promise<void> {
    [this.#deadlineMs, this.#signal] = [deadlineMs, signal];
    await this.#lookAround();
    for (;;) {
      const progress = new Promise<void>((resolve) => (this.#progress = resolve));
      const isAtWork = await this.#workOff();
      this.#window.put(await this.#turn());
      if (this.#window.underWay === 0 && this.#ended.length === 0 && !isAtWork) break;
      await progress;
      if (this.#window.underWay > 0) await pause(GATHERING_MS);
      await this.#lookAround();
    }
    if (this.#window.waiting > 0) await this.#giveBack();
  }

  /** Also between turns: under steady traffic a drain never ends. */
  async #lookAround(): Promise<void> {
    this.#useRoutes();
    await this.#clockWatch.look();
  }

  /** A short turn of what a million rows may need: what is sent goes out between the turns. Gives whether there is more. */
  async #workOff(): Promise<boolean> {
    if (this.#isOver()) return false;
    const { clock } = this.#options;
    const rightRestMs = await this.#clockWatch.setRight();
    const wakeRestMs = await this.#wake?.();
    if (wakeRestMs === undefined) this.#wake = undefined;
    const tooOld = this.#clockWatch.isTrusted() ? await this.#givingUp.turn() : undefined;
    this.#tooOldMs = tooOld?.beforeMs;
    const restMs = Math.min(...[rightRestMs, wakeRestMs, tooOld?.restMs].map((ms) => ms ?? Infinity));
    if (restMs === Infinity) return false;
    this.#resting ??= clock.sleep(restMs, this.#signal).then(() => this.#goOn());
    return true;
  }

  #goOn(): void {
    this.#resting = undefined;
    this.#progress();
  }

  /** Pushes that waited for the former credential are due at once with another. */
  #useRoutes(): void {
    const { store, clock, routes } = this.#options;
    const before = this.#routes;
    this.#routes = routes();
    if (before.length > 0 && before !== this.#routes) this.#wake = createWake(store, clock);
  }

  #isOver(): boolean {
    return this.#signal?.aborted === true || this.#options.clock.steadyMs() >= this.#deadlineMs;
  }

  /** Gives back what was leased and may no longer be sent; this process leases nothing else then. */
  async #giveBack(): Promise<void> {
    this.#window.clear();
    await this.#options.store.releaseUnsent(this.#options.owner);
  }

  /** Writes down what has ended, and gives what may be sent next. What cannot be written now is kept. */
  async #turn(): Promise<ClaimedPush[]> {
    const attempts = this.#ended.splice(0);
    const limit = this.#room();
    if (attempts.length === 0 && limit === 0) return [];
    try {
      const eventAfterMs = this.#tooOldMs;
      return await this.#turns.take(attempts, limit, eventAfterMs, this.#clockWatch.isTrusted());
    } catch (error) {
      this.#ended.unshift(...attempts);
      throw error;
    }
  }

  /** How many more pushes may be leased: a few ahead where they are sure to be sent soon. */
  #room(): number {
    const streams = this.#streams();
    const isConnected = streams > 0 && this.#routes.some(({ line }) => line.connected);
    const { underWay, waiting } = this.#window;
    return Math.max(0, streams + (isConnected ? MAX_READY : 0) - underWay - waiting);
  }

  /** None where nothing may be sent. */
  #streams(): number {
    if (this.#isOver() || this.restMs > 0) return 0;
    return this.#routes.reduce((sum, { line }) => sum + line.capacity, 0);
  }
}
