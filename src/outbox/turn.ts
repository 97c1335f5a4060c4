import { MAX_MAILBOXES_PER_PUSH } from '../apns/payload.ts';
import { MAY_BE_LOST, type Store } from '../db.ts';
import { claimIn } from './claim.ts';
import type { ClaimedPush } from './outbox.ts';
import { type Attempt, type SettleContext, settleIn } from './settle.ts';
import type { Settlement } from './settlement.ts';
import { wakeIn, wakeTopicIn, wasAway } from './upkeep.ts';
import type { WakeRequest, Woken } from './waking.ts';

export interface Turn extends SettleContext {
  /** What has ended and is not written down yet. */
  attempts: readonly Attempt[];
  /** What waited for Apple in general is to be due now. */
  wakes: WakeRequest | undefined;
  /** How many more pushes may be under way. */
  limit: number;
  leaseUntilMs: number;
}

export interface TurnResult {
  /** One for each attempt. */
  settlements: Settlement[];
  woken: Woken | undefined;
  /** Leased to this process, their attempts recorded. */
  pushes: ClaimedPush[];
}

/**
 * Writes down what has ended and leases what is due, all in one transaction, which a power cut may undo: then a push
 * goes once more under the same apns-id, or Apple says once more that a device is gone.
 */
export function takeTurn(store: Store, turn: Turn): Promise<TurnResult> {
  const { attempts, wakes, limit, owner, nowMs, leaseUntilMs } = turn;
  const request = { owner, limit, maxMailboxes: MAX_MAILBOXES_PER_PUSH, nowMs, leaseUntilMs };
  return store.write((sql) => {
    const all = wakes !== undefined && (wakes.all ?? wasAway(sql, nowMs)); // before this success is written down
    const settlements = attempts.length > 0 ? settleIn(sql, attempts, turn) : [];
    const woken = wakes && { rows: wakeIn(sql, nowMs, { limit: wakes.limit, all }), all };
    for (const { acceptedTopic } of attempts)
      if (acceptedTopic !== undefined) wakeTopicIn(sql, nowMs, acceptedTopic);
    return { settlements, woken, pushes: limit > 0 ? claimIn(sql, request) : [] };
  }, MAY_BE_LOST);
}
