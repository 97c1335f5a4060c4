import { randomUUID } from 'node:crypto';
import { MAX_MAILBOXES_PER_PUSH } from '../apns/payload.ts';
import type { Turn, TurnResult } from '../store/delivery.ts';
import type { Store } from '../store/store.ts';
import type { Attempt, Settled } from '../outbox/attempt.ts';
import { NO_FACTS, questionOf, settleAll, type SettlingRules } from '../outbox/settling.ts';
import { LEASE_MS } from '../outbox/timing.ts';

/** What a turn needs to know besides the attempts. */
export type TurnTerms = SettlingRules & Pick<Turn, 'owner' | 'server' | 'throttleMs' | 'limit' | 'wakes'>;

/** Decides about what has ended, writes that down, and leases what may be sent next. */
export async function takeTurn(
  store: Store,
  attempts: readonly Attempt[],
  terms: TurnTerms,
): Promise<TurnResult & { settled: Settled[] }> {
  const { owner, server, throttleMs, limit, wakes, nowMs } = terms;
  const question = questionOf(attempts, server);
  const facts = question === undefined ? NO_FACTS : await store.settlingFacts(question);
  const settled = settleAll(attempts, facts, terms);
  const result = await store.takeTurn({
    ...{ settled, wakes, owner, server, throttleMs, limit, nowMs },
    leaseUntilMs: nowMs + LEASE_MS,
    maxMailboxes: MAX_MAILBOXES_PER_PUSH,
    newApnsId: randomUUID,
  });
  return { ...result, settled };
}
