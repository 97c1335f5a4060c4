import { randomUUID } from 'node:crypto';
import { outcomeOf, outcomeOfNoAnswer } from '../apns/outcome.ts';
import { MAX_MAILBOXES_PER_PUSH } from '../apns/payload.ts';
import { NoAnswer, type Outcome } from '../apns/push.ts';
import type { Clock } from '../clock.ts';
import type { Store } from '../db.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { backoffMs } from './backoff.ts';
import { type Line, NotConnected } from './line.ts';
import { claim, type ClaimedPush } from './outbox.ts';
import { pushOf, type TopicCover } from './push-of.ts';
import { type Attempt, settle } from './settle.ts';
import type { Settlement } from './settlement.ts';
import { tell, tellGivenUp } from './tell.ts';
import { giveUp, wake } from './upkeep.ts';

/** An answer that takes longer is none; Apple answers within a second. */
export const ANSWER_TIMEOUT_MS = 10_000;

/** A lease outlives the slowest answer by far, so that only the rows of the dead are taken over. */
const LEASE_MS = ANSWER_TIMEOUT_MS + 20_000;

/** Rows leased at once, whatever the peer allows: what one process can lose sight of when it is killed. */
const MAX_IN_FLIGHT = 1000;

/** How long sending rests after Apple refused the credential. */
const CREDENTIAL_PAUSE_MS = 60_000;

export interface CourierOptions {
  store: Store;
  /** The connection to Apple, made when the first push is due. */
  line: Line;
  /** Names this process in leases. */
  owner: string;
  credential: TopicCover & { fingerprint: string };
  /** Where the pushes go, as the configuration names it. */
  server: string;
  expiryMs: number;
  giveUpMs: number;
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
  log: Log;
  /** Called for each attempt after it is written down. */
  onSettled?: (push: ClaimedPush, outcome: Outcome, settlement: Settlement) => void;
}

/** Carries the rows of the outbox to Apple. */
export class Courier {
  readonly #options: CourierOptions;
  readonly #ended: Attempt[] = [];
  #inFlight = 0;
  #failures = 0;
  #awake = false;
  #pausedUntilMs = 0;
  #progress: () => void = () => undefined;

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  /** Nothing is sent before: Apple could not be reached, or refused the credential. */
  get pausedUntilMs(): number {
    return this.#pausedUntilMs;
  }

  /** New rows may be due: a drain that waits for answers looks again. */
  nudge(): void {
    this.#progress();
  }

  /**
   * Sends what is due until nothing is, the deadline passes, the signal aborts or sending has to rest.
   * When it resolves, no push is under way and every attempt is written down.
   */
  async drain(deadlineMs = Infinity, signal?: AbortSignal): Promise<void> {
    const { store, clock, giveUpMs, log } = this.#options;
    tellGivenUp(log, await giveUp(store, clock.nowMs() - giveUpMs, clock.nowMs()));
    for (;;) {
      const progress = new Promise<void>((resolve) => (this.#progress = resolve));
      await this.#settleEnded();
      const rows = this.#mayStart(deadlineMs, signal) ? await this.#claim() : [];
      for (const row of rows) void this.#send(row, deadlineMs);
      if (this.#inFlight === 0 && this.#ended.length === 0) return;
      await progress;
    }
  }

  #mayStart(deadlineMs: number, signal: AbortSignal | undefined): boolean {
    const nowMs = this.#options.clock.nowMs();
    return signal?.aborted !== true && nowMs < deadlineMs && nowMs >= this.#pausedUntilMs;
  }

  async #claim(): Promise<ClaimedPush[]> {
    const { store, owner, line, clock } = this.#options;
    const limit = Math.min(line.capacity, MAX_IN_FLIGHT) - this.#inFlight;
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
    const { credential, clock, line, expiryMs } = this.#options;
    const nowMs = clock.nowMs();
    const push = pushOf(row, credential, Math.floor((nowMs + expiryMs) / 1000));
    if (push === undefined)
      return ended(row, { kind: 'misconfigured', reason: 'TopicNotCovered', scope: 'topic' });
    try {
      const timeoutMs = Math.max(1, Math.min(ANSWER_TIMEOUT_MS, deadlineMs - nowMs));
      const outcome = outcomeOf(await line.push(push, timeoutMs));
      this.#learn(outcome);
      return ended(row, outcome);
    } catch (error) {
      return this.#unanswered(row, error);
    }
  }

  /** Anything but NoAnswer is a bug of ours; it ends as a failed attempt too, so that the row is kept. */
  #unanswered(row: ClaimedPush, error: unknown): Attempt {
    const noAnswer =
      error instanceof NoAnswer
        ? error
        : new NoAnswer(messageOf(error), { perhapsProcessed: true, cause: error });
    if (error instanceof NotConnected) this.#restAfterFailure();
    const unprocessed = !noAnswer.perhapsProcessed && !(error instanceof NotConnected);
    return ended(row, outcomeOfNoAnswer(noAnswer), unprocessed);
  }

  /** All pushes that waited for the same connection fail together and count once. */
  #restAfterFailure(): void {
    const { clock, random } = this.#options;
    if (clock.nowMs() < this.#pausedUntilMs) return;
    this.#failures += 1;
    this.#pausedUntilMs = clock.nowMs() + backoffMs(this.#failures, random());
  }

  #learn(outcome: Outcome): void {
    this.#failures = 0;
    if (outcome.kind === 'misconfigured' && outcome.scope === 'credential')
      this.#pausedUntilMs = this.#options.clock.nowMs() + CREDENTIAL_PAUSE_MS;
  }

  async #settleEnded(): Promise<void> {
    const attempts = this.#ended.splice(0);
    if (attempts.length === 0) return;
    const { store, clock, credential, log, onSettled } = this.#options;
    const settlements = await settle(store, attempts, {
      ...this.#options,
      nowMs: clock.nowMs(),
      newApnsId: randomUUID,
      fingerprint: credential.fingerprint,
    });
    for (const [index, { push, outcome }] of attempts.entries()) {
      const settlement = settlements[index] as Settlement;
      tell(log, push, outcome, settlement);
      onSettled?.(push, outcome, settlement);
    }
    await this.#wakeOthers(attempts);
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

function ended(push: ClaimedPush, outcome: Outcome, unprocessed = false): Attempt {
  return { push, outcome, unprocessed };
}
