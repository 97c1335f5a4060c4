import type { Store } from '../../src/db.ts';
import { type Attempt, type SettleContext, settleIn } from '../../src/outbox/settle.ts';
import type { Settlement } from '../../src/outbox/settlement.ts';
import { NOW_MS } from './store.ts';

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

/** Settles attempts in a transaction of its own. */
export function settle(
  store: Store,
  attempts: readonly Attempt[],
  context: SettleContext = SETTLE_CONTEXT,
): Promise<Settlement[]> {
  return store.write((sql) => settleIn(sql, attempts, context));
}
