import type { Outcome } from '../apns/push.ts';
import { backoffMs } from './backoff.ts';
import type { ClaimedPush, Hold } from './outbox.ts';

/** What the credential has achieved at this server, which decides what a BadDeviceToken is worth. */
export interface CredentialRecord {
  successes: number;
  /** BadDeviceToken answers since the latest success. */
  badTokens: number;
}

/** What becomes of the row and of the target. */
export interface Settlement {
  /** The push is over, or the time of its next attempt and why it waits. */
  row: 'finished' | { retryAtMs: number; hold: Hold };
  removeTarget: boolean;
  /** For the operator: what happened, in a word or two; undefined for a delivered push. */
  reason: string | undefined;
  gaveUp: boolean;
}

export interface SettlementRules {
  nowMs: number;
  giveUpMs: number;
  /** In [0, 1). */
  random: number;
  credential: CredentialRecord;
  /** The server is known not to have processed the push: it may go again at once. */
  unprocessed: boolean;
}

/**
 * A wrong environment makes Apple answer BadDeviceToken for every device. So many in a row are believed,
 * then none until a push gets through again.
 */
export const MAX_BAD_TOKENS_IN_A_ROW = 5;

/** How often a push that the server did not process goes again without a pause. */
export const MAX_IMMEDIATE_ATTEMPTS = 3;

/** Decides by the outcome of an attempt. Pure. */
export function settlementOf(push: ClaimedPush, outcome: Outcome, rules: SettlementRules): Settlement {
  switch (outcome.kind) {
    case 'delivered':
      return { row: 'finished', removeTarget: false, reason: undefined, gaveUp: false };
    case 'gone':
      return finished(outcome.reason, registeredBefore(push, outcome.sinceMs ?? rules.nowMs));
    case 'rejected':
      return finished(outcome.reason, outcome.badDeviceToken && believable(rules.credential));
    case 'misconfigured':
      return again(push, outcome.reason, outcome.scope, rules);
    case 'retry':
      return again(push, outcome.reason, outcome.scope, rules, outcome.afterMs);
  }
}

function finished(reason: string, removeTarget: boolean): Settlement {
  return { row: 'finished', removeTarget, reason, gaveUp: false };
}

/** A device that registered after its token was reported dead has a live token again. */
function registeredBefore(push: ClaimedPush, sinceMs: number): boolean {
  return push.renewedMs <= sinceMs;
}

function believable({ successes, badTokens }: CredentialRecord): boolean {
  return successes > 0 && badTokens < MAX_BAD_TOKENS_IN_A_ROW;
}

function again(
  push: ClaimedPush,
  reason: string,
  hold: Hold,
  rules: SettlementRules,
  afterMs?: number,
): Settlement {
  const immediate = rules.unprocessed && push.attempts < MAX_IMMEDIATE_ATTEMPTS;
  const retryAtMs = rules.nowMs + (immediate ? 0 : backoffMs(push.attempts, rules.random, afterMs));
  if (retryAtMs >= push.eventMs + rules.giveUpMs)
    return { row: 'finished', removeTarget: false, reason, gaveUp: true };
  return { row: { retryAtMs, hold }, removeTarget: false, reason, gaveUp: false };
}
