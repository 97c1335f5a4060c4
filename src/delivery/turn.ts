import { randomUUID } from 'node:crypto';
import { MAX_MAILBOXES_PER_PUSH } from '../apns/payload.ts';
import type { Attempt, ClaimedPush, Settled } from '../outbox/attempt.ts';
import { PROBE_INTERVAL_MS } from '../outbox/backoff.ts';
import type { Outcome } from '../outbox/outcome.ts';
import { holdsAll, type Settlement } from '../outbox/settlement.ts';
import { NO_FACTS, questionOf, settleAll, type SettlingRules } from '../outbox/settling.ts';
import { LEASE_MS } from '../outbox/timing.ts';
import type { Turn, TurnResult } from '../store/delivery.ts';
import type { Store } from '../store/store.ts';
import type { CourierOptions } from './courier.ts';
import { isDoubted, tell, tellDoubted } from './tell.ts';
import { Waking } from './waking.ts';

/** While the clock is not trusted. */
const NEVER_TOO_OLD = { giveUpMs: Infinity, disableAfterMs: Infinity };

/** The courier's turns at the store: each decides about what has ended, writes that down and leases what is next. */
export class Turns {
  readonly #options: CourierOptions;
  readonly #waking = new Waking();
  #probedMs = -Infinity;
  /** Too many devices in a row are said to be gone. */
  #doubts = false;

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  /** Gives at most `limit` pushes that may be sent next. Where it throws, nothing is written down. */
  async take(
    attempts: readonly Attempt[],
    limit: number,
    eventAfterMs: number | undefined,
    isClockTrusted: boolean,
  ): Promise<ClaimedPush[]> {
    const { store, clock } = this.#options;
    const nowMs = clock.nowMs();
    const steadyMs = clock.steadyMs();
    const options = { ...this.#options, ...(!isClockTrusted && NEVER_TOO_OLD) };
    const probes = steadyMs - this.#probedMs >= PROBE_INTERVAL_MS / 2; // it comes back a little sooner or later
    const wakes = this.#waking.request(attempts, steadyMs);
    const terms = { ...options, nowMs, limit, eventAfterMs, probes, wakes };
    const { settled, woken, pushes } = await takeTurn(store, attempts, terms);
    if (probes && attempts.some(({ outcome }) => holdsAll(outcome))) this.#probedMs = steadyMs;
    this.#tell(settled);
    this.#waking.note(attempts, woken, this.#doubts, steadyMs);
    return pushes;
  }

  #tell(settled: readonly Settled[]): void {
    const { log, onSettled } = this.#options;
    for (const { attempt, settlement } of settled) {
      const { push, outcome, isHeld } = attempt;
      this.#doubt(outcome, settlement);
      tell(log, push, outcome, settlement, isHeld);
      onSettled?.(push, outcome, settlement);
    }
  }

  #doubt(outcome: Outcome, settlement: Settlement): void {
    const doubts = isDoubted(outcome, settlement);
    if (doubts && !this.#doubts) tellDoubted(this.#options.log, settlement.reason);
    if (doubts || outcome.kind === 'delivered') this.#doubts = doubts;
  }
}

/** What a turn needs to know besides the attempts. */
type TurnTerms = SettlingRules &
  Pick<Turn, 'owner' | 'server' | 'throttleMs' | 'limit' | 'eventAfterMs' | 'wakes'>;

async function takeTurn(
  store: Store,
  attempts: readonly Attempt[],
  terms: TurnTerms,
): Promise<TurnResult & { settled: Settled[] }> {
  const { owner, server, throttleMs, limit, eventAfterMs, wakes, nowMs } = terms;
  const question = questionOf(attempts, server);
  const facts = question === undefined ? NO_FACTS : await store.settlingFacts(question);
  const settled = settleAll(attempts, facts, terms);
  const result = await store.takeTurn({
    ...{ settled, wakes, owner, server, throttleMs, limit, eventAfterMs, nowMs },
    leaseUntilMs: nowMs + LEASE_MS,
    maxMailboxes: MAX_MAILBOXES_PER_PUSH,
    newApnsId: randomUUID,
  });
  return { ...result, settled };
}
