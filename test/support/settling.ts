import type { Attempt } from '../../src/outbox/attempt.ts';
import type { Settlement } from '../../src/outbox/settlement.ts';
import { NO_FACTS, questionOf, settleAll, type SettlingRules } from '../../src/outbox/settling.ts';
import type { Turn } from '../../src/store/delivery.ts';
import type { Store } from '../../src/store/store.ts';
import { NOW_MS } from './store.ts';

export type SettleContext = SettlingRules &
  Pick<Turn, 'owner' | 'nowMs' | 'newApnsId' | 'throttleMs' | 'server'>;

/** The owner is that of `claimed`; what is settled ended a little later. */
export const SETTLE_CONTEXT: SettleContext = {
  owner: 'one',
  nowMs: NOW_MS + 100,
  giveUpMs: 86_400_000,
  random: () => 0.5,
  newApnsId: () => 'fresh',
  throttleMs: 0,
  disableAfterMs: 259_200_000,
  server: 'https://api.push.apple.com',
  probes: false,
};

/** Settles attempts as the courier does, and claims nothing. */
export async function settle(
  store: Store,
  attempts: readonly Attempt[],
  context: SettleContext = SETTLE_CONTEXT,
): Promise<Settlement[]> {
  const question = questionOf(attempts, context.server);
  const facts = question === undefined ? NO_FACTS : await store.settlingFacts(question);
  const settled = settleAll(attempts, facts, context);
  await store.takeTurn({
    ...{ settled, wakes: undefined, limit: 0, leaseUntilMs: 0, maxMailboxes: 0 },
    ...context,
  });
  return settled.map(({ settlement }) => settlement);
}
