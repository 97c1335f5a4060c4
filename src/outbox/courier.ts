import { randomUUID } from 'node:crypto';
import { outcomeOf, outcomeOfNoAnswer } from '../apns/outcome.ts';
import { MAX_MAILBOXES_PER_PUSH } from '../apns/payload.ts';
import { NoAnswer, type Outcome } from '../apns/push.ts';
import type { Clock } from '../clock.ts';
import type { Store } from '../db.ts';
import type { ControlWord } from '../doors/control.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { NotConnected } from './line.ts';
import { claim, type ClaimedPush } from './outbox.ts';
import { pushOf } from './push-of.ts';
import { type Route, routeFor } from './route.ts';
import { type Attempt, settle } from './settle.ts';
import type { Settlement } from './settlement.ts';
import { tell, tellGivenUp, tellRefused } from './tell.ts';
import { type GivenUp, giveUp, wake } from './upkeep.ts';

/** An answer that takes longer is none; Apple answers within a second. */
export const ANSWER_TIMEOUT_MS = 10_000;

/** A lease outlives the slowest answer by far, so that only the rows of the dead are taken over. */
const LEASE_MS = ANSWER_TIMEOUT_MS + 20_000;

/** Rows leased at once, whatever the peer allows: what one process can lose sight of when it is killed. */
const MAX_IN_FLIGHT = 1000;

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
  readonly #ended: Attempt[] = [];
  #inFlight = 0;
  #awake = false;
  #routes: readonly Route[] = [];
  #progress: () => void = () => undefined;

  constructor(options: CourierOptions) {
    this.#options = options;
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
      await this.#settleEnded();
      const rows = this.#mayStart(deadlineMs, signal) ? await this.#claim() : [];
      for (const row of rows) void this.#send(row, deadlineMs);
      if (this.#inFlight === 0 && this.#ended.length === 0) return;
      await progress;
    }
  }

  async #giveUpOld(): Promise<void> {
    const { store, clock, giveUpMs, log, onGivenUp } = this.#options;
    const dropped = await giveUp(store, clock.nowMs() - giveUpMs, clock.nowMs());
    tellGivenUp(log, dropped);
    onGivenUp?.(dropped);
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

  async #claim(): Promise<ClaimedPush[]> {
    const { store, owner, clock } = this.#options;
    const capacity = this.#routes.reduce((sum, { line }) => sum + line.capacity, 0);
    const limit = Math.min(capacity, MAX_IN_FLIGHT) - this.#inFlight;
    if (limit <= 0) return [];
    const nowMs = clock.nowMs();
    const leaseUntilMs = nowMs + LEASE_MS;
    return claim(store, { owner, limit, maxMailboxes: MAX_MAILBOXES_PER_PUSH, nowMs, leaseUntilMs });
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

  async #settleEnded(): Promise<void> {
    const attempts = this.#ended.splice(0);
    if (attempts.length === 0) return;
    const settlements = await this.#writeDown(attempts);
    const { log, onSettled } = this.#options;
    for (const [index, { push, outcome }] of attempts.entries()) {
      const settlement = settlements[index] as Settlement;
      tell(log, push, outcome, settlement);
      onSettled?.(push, outcome, settlement);
    }
    await this.#wakeOthers(attempts);
  }

  /** What cannot be written down now is kept for the next drain. */
  async #writeDown(attempts: readonly Attempt[]): Promise<Settlement[]> {
    const { store, clock } = this.#options;
    try {
      return await settle(store, attempts, { ...this.#options, nowMs: clock.nowMs(), newApnsId: randomUUID });
    } catch (error) {
      this.#ended.unshift(...attempts);
      throw error;
    }
  }

  async #wakeOthers(attempts: readonly Attempt[]): Promise<void> {
    const delivered = attempts.some(({ outcome }) => outcome.kind === 'delivered');
    const troubled = attempts.some(
      ({ outcome }) => outcome.kind === 'retry' || outcome.kind === 'misconfigured',
    );
    if (delivered && !this.#awake) await wake(this.#options.store, this.#options.clock.nowMs());
    this.#awake = (this.#awake || delivered) && !troubled;
  }
}

const TOPIC_NOT_COVERED: Outcome = { kind: 'misconfigured', reason: 'TopicNotCovered', scope: 'topic' };

function ended(push: ClaimedPush, outcome: Outcome, unprocessed = false): Attempt {
  return { push, outcome, unprocessed, fingerprint: undefined };
}
