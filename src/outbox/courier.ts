import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { outcomeOf, outcomeOfNoAnswer } from '../apns/outcome.ts';
import { NoAnswer, type Outcome } from '../apns/push.ts';
import type { Clock } from '../clock.ts';
import type { Store } from '../db.ts';
import type { ControlWord } from '../doors/control.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { createGivingUp } from './giving-up.ts';
import { NotConnected } from './line.ts';
import type { ClaimedPush } from './outbox.ts';
import { pushOf } from './push-of.ts';
import { type Route, routeFor } from './route.ts';
import type { Attempt } from './settle.ts';
import type { Settlement } from './settlement.ts';
import { tell, tellRefused } from './tell.ts';
import { takeTurn } from './turn.ts';
import { type GivenUp, wake } from './upkeep.ts';

/** An answer that takes longer is none; Apple answers within a second. */
export const ANSWER_TIMEOUT_MS = 10_000;

/** A lease outlives the slowest answer by far, so that only the rows of the dead are taken over. */
const LEASE_MS = ANSWER_TIMEOUT_MS + 20_000;

/** Answers come many at a time: those of so long are written down together, and what is due is leased with them. */
const GATHERING_MS = 5;

/** Rows leased at once, whatever the peer allows: what one process can lose sight of when it is killed. */
const MAX_IN_FLIGHT = 500;

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
  /** Called for what was dropped for its age. */
  onGivenUp?: (dropped: readonly GivenUp[]) => void;
}

/** Carries the rows of the outbox to Apple. */
export class Courier {
  readonly #options: CourierOptions;
  readonly #giveUpOld: () => Promise<void>;
  readonly #ended: Attempt[] = [];
  #inFlight = 0;
  #awake = false;
  #routes: readonly Route[] = [];
  #progress: () => void = () => undefined;

  constructor(options: CourierOptions) {
    this.#options = options;
    this.#giveUpOld = createGivingUp(options);
  }

  /** Nothing is sent before: Apple could not be reached, or refused every credential. */
  get pausedUntilMs(): number {
    return Math.min(...this.#routes.map(({ pausedUntilMs }) => pausedUntilMs));
  }

  /** New rows may be due: a drain that waits for answers looks again. A retry also ends the rest after failures. */
  nudge(word: ControlWord = 'poke'): void {
    if (word === 'retry') for (const route of this.#routes) route.resume();
    this.#progress();
  }

  /**
   * Sends what is due until nothing is, the deadline passes, the signal aborts or sending has to rest.
   * When it resolves, no push is under way and every attempt is written down.
   */
  async drain(deadlineMs = Infinity, signal?: AbortSignal): Promise<void> {
    await this.#useRoutes();
    await this.#giveUpOld();
    for (;;) {
      const progress = new Promise<void>((resolve) => (this.#progress = resolve));
      for (const push of await this.#turn(this.#mayStart(deadlineMs, signal)))
        void this.#send(push, deadlineMs);
      if (this.#inFlight === 0 && this.#ended.length === 0) return;
      await progress;
      if (this.#inFlight > 0) await pause(GATHERING_MS);
    }
  }

  /** With another credential, what waited for the old one need not wait for its next attempt. */
  async #useRoutes(): Promise<void> {
    const { store, clock, routes } = this.#options;
    const before = this.#routes;
    this.#routes = routes();
    if (before.length > 0 && before !== this.#routes) await wake(store, clock.nowMs());
  }

  #mayStart(deadlineMs: number, signal: AbortSignal | undefined): boolean {
    const nowMs = this.#options.clock.nowMs();
    return signal?.aborted !== true && nowMs < deadlineMs && nowMs >= this.pausedUntilMs;
  }

  /** Writes down what has ended, and gives what may be sent next. What cannot be written now is kept. */
  async #turn(mayStart: boolean): Promise<ClaimedPush[]> {
    const attempts = this.#ended.splice(0);
    const limit = mayStart ? this.#room() : 0;
    if (attempts.length === 0 && limit === 0) return [];
    const nowMs = this.#options.clock.nowMs();
    const context = { ...this.#options, nowMs, leaseUntilMs: nowMs + LEASE_MS, newApnsId: randomUUID };
    try {
      const turn = { ...context, attempts, limit, wakes: !this.#awake };
      const { settlements, pushes } = await takeTurn(this.#options.store, turn);
      this.#tell(attempts, settlements);
      return pushes;
    } catch (error) {
      this.#ended.unshift(...attempts);
      throw error;
    }
  }

  /** How many more pushes may be under way. */
  #room(): number {
    const capacity = this.#routes.reduce((sum, { line }) => sum + line.capacity, 0);
    return Math.max(0, Math.min(capacity, MAX_IN_FLIGHT) - this.#inFlight);
  }

  #tell(attempts: readonly Attempt[], settlements: readonly Settlement[]): void {
    const { log, onSettled } = this.#options;
    for (const [index, { push, outcome }] of attempts.entries()) {
      const settlement = settlements[index] as Settlement;
      tell(log, push, outcome, settlement);
      onSettled?.(push, outcome, settlement);
    }
    const delivered = attempts.some(({ outcome }) => outcome.kind === 'delivered');
    const troubled = attempts.some(({ outcome }) => WAITS_FOR_OTHERS.has(outcome.kind));
    this.#awake = (this.#awake || delivered) && !troubled;
  }

  async #send(row: ClaimedPush, deadlineMs: number): Promise<void> {
    this.#inFlight += 1;
    this.#ended.push(await this.#attempt(row, deadlineMs));
    this.#inFlight -= 1;
    this.#progress();
  }

  async #attempt(row: ClaimedPush, deadlineMs: number): Promise<Attempt> {
    const { clock, expiryMs } = this.#options;
    const nowMs = clock.nowMs();
    const route = routeFor(this.#routes, row.topic);
    if (route === undefined) return ended(row, TOPIC_NOT_COVERED);
    const refusal = route.refusal(nowMs);
    if (refusal !== undefined) return ended(row, refusal);
    const { fingerprint } = route.credential;
    try {
      const push = pushOf(row, route.credential.topic, Math.floor((nowMs + expiryMs) / 1000));
      const timeoutMs = Math.max(1, Math.min(ANSWER_TIMEOUT_MS, deadlineMs - nowMs));
      const outcome = outcomeOf(await route.line.push(push, timeoutMs));
      if (route.answered(outcome, clock)) tellRefused(this.#options.log, outcome, route.credential.topic);
      return { ...ended(row, outcome), fingerprint };
    } catch (error) {
      return { ...this.#unanswered(row, route, error), fingerprint };
    }
  }

  /** Anything but NoAnswer is a bug of ours; it ends as a failed attempt too, so that the row is kept. */
  #unanswered(row: ClaimedPush, route: Route, error: unknown): Attempt {
    const noAnswer =
      error instanceof NoAnswer
        ? error
        : new NoAnswer(messageOf(error), { perhapsProcessed: true, cause: error });
    const outcome = outcomeOfNoAnswer(noAnswer);
    const { clock, random } = this.#options;
    if (error instanceof NotConnected) route.failed(outcome, clock, random);
    return ended(row, outcome, !noAnswer.perhapsProcessed && !(error instanceof NotConnected));
  }
}

/** What comes back with these may hold others back too, until a push gets through again. */
const WAITS_FOR_OTHERS: ReadonlySet<Outcome['kind']> = new Set(['retry', 'misconfigured']);

const TOPIC_NOT_COVERED: Outcome = { kind: 'misconfigured', reason: 'TopicNotCovered', scope: 'topic' };

function ended(push: ClaimedPush, outcome: Outcome, unprocessed = false): Attempt {
  return { push, outcome, unprocessed, fingerprint: undefined };
}
