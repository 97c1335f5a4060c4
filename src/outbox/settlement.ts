import { isOfCollection } from '../mailboxes/collection.ts';
import type { Outcome } from './outcome.ts';
import { backoffMs } from './backoff.ts';
import type { ClaimedPush } from './attempt.ts';
import type { Hold } from './hold.ts';

/** What the credential has achieved at this server, which decides what a BadDeviceToken is worth. */
export interface CredentialRecord {
  successes: number;
  /** BadDeviceToken answers since the latest success. */
  badTokens: number;
  /** 410 answers since the latest success. */
  gone: number;
  /** Milliseconds since the epoch; null where there was none. */
  lastSuccessMs: number | null;
}

/** What becomes of the row and of the target. */
export interface Settlement {
  /** The push is over, or the time of its next attempt and why it waits. */
  row: 'finished' | { retryAtMs: number; hold: Hold };
  removeTarget: boolean;
  /** It has failed for so long that it gets no more pushes until it registers again. */
  disableTarget: boolean;
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
  /** How many devices there are still, or `enoughTargets`; counts for `gone` alone. */
  targets: number;
  /** The server is known not to have processed the push: it may go again at once. */
  unprocessed: boolean;
  /** Since when this target has had no success although Apple answered; null where it has not failed. */
  failingSinceMs: number | null;
  disableAfterMs: number;
  /** No longer than this until the next attempt, unless Apple asks for more. */
  longestMs: number;
}

/**
 * A wrong environment makes Apple answer BadDeviceToken for every device. So many in a row are believed,
 * then none until a push gets through again.
 */
export const MAX_BAD_TOKENS_IN_A_ROW = 5;

/**
 * A retired class of devices is gone at once; all devices are not. So many in a row are believed, or this share of
 * all devices where that is more, then none until another push gets through; and never the last device after others.
 */
export const MAX_GONE_IN_A_ROW = 5;
export const MAX_GONE_SHARE = 0.05;

/** Apple is not asked again soon about a device that is gone, or a topic that it refuses. */
export const ASK_AGAIN_MS = 60_000;
const PAUSES_MS = { credential: 0, topic: ASK_AGAIN_MS } as const;

/** How far Apple's clock and ours may differ. */
const APPLES_TOLERANCE_MS = 60_000;

/** How often a push that the server did not process goes again without a pause. */
export const MAX_IMMEDIATE_ATTEMPTS = 3;

/** Decides by the outcome of an attempt. Pure. */
export function settlementOf(push: ClaimedPush, outcome: Outcome, rules: SettlementRules): Settlement {
  const settlement = byOutcome(push, outcome, rules);
  if (settlement.removeTarget || !failedForTooLong(outcome, rules)) return settlement;
  return { ...settlement, row: 'finished', disableTarget: true };
}

/** True for an answer that speaks of this device: a connection that fails and a mistake of our own do not. */
export function blamesDevice(outcome: Outcome): boolean {
  if (outcome.kind === 'retry') return outcome.scope !== 'connection';
  return outcome.kind === 'gone' || outcome.kind === 'rejected';
}

/** True for an answer, or none, after which nobody's push may get through: of Apple, the way there or the credential. */
export function holdsAll(outcome: Outcome): boolean {
  if (outcome.kind === 'retry') return outcome.scope !== 'device';
  return outcome.kind === 'misconfigured' && outcome.scope === 'credential';
}

/** Only where pushes to others got through meanwhile: else the fault may be ours, and no device pays for it. */
function failedForTooLong(outcome: Outcome, rules: SettlementRules): boolean {
  const { failingSinceMs, credential, nowMs, disableAfterMs } = rules;
  if (failingSinceMs === null || !blamesDevice(outcome)) return false;
  const { lastSuccessMs } = credential;
  // One in the future is of a clock that was ahead, and perhaps older than the failures.
  if (lastSuccessMs === null || lastSuccessMs > nowMs) return false;
  return nowMs - failingSinceMs >= disableAfterMs && lastSuccessMs > failingSinceMs;
}

function byOutcome(push: ClaimedPush, outcome: Outcome, rules: SettlementRules): Settlement {
  switch (outcome.kind) {
    case 'delivered':
      return finished(undefined, false);
    case 'gone':
      return gone(push, outcome, rules);
    case 'rejected':
      return finished(outcome.reason, outcome.badDeviceToken && believable(rules.credential));
    case 'misconfigured':
      return again(push, outcome.reason, outcome.scope, rules, PAUSES_MS[outcome.scope]);
    case 'retry':
      return again(push, outcome.reason, outcome.scope, rules, outcome.afterMs);
  }
}

function gone(
  push: ClaimedPush,
  { reason, sinceMs }: Extract<Outcome, { kind: 'gone' }>,
  rules: SettlementRules,
): Settlement {
  if (!registeredBefore(push, sinceMs, rules.nowMs)) return finished(reason, false);
  // A device asks for its calendars and address books anew each day, and one that is gone had many of them.
  const isBelieved = isOfCollection(push) || believed(rules);
  return isBelieved ? finished(reason, true) : again(push, reason, 'gone', rules, ASK_AGAIN_MS);
}

function believed({ credential, targets }: SettlementRules): boolean {
  const { gone } = credential;
  if (gone > 0 && targets <= 1) return false;
  const before = targets + gone;
  return gone < Math.max(MAX_GONE_IN_A_ROW, Math.floor(before * MAX_GONE_SHARE));
}

/** With so many devices, of which at most `gone` are removed, each of these 410 answers is believed. */
export function enoughTargets(gone: number): number {
  return Math.ceil((2 * (gone + 1)) / MAX_GONE_SHARE);
}

function finished(reason: string | undefined, removeTarget: boolean): Settlement {
  return { row: 'finished', removeTarget, disableTarget: false, reason, gaveUp: false };
}

/**
 * A device that registered after its token was reported dead has a live token again. Where Apple's time is later than
 * ours our clock is behind, and was perhaps so at the registration: then the device stays, and Apple says it again.
 */
function registeredBefore(push: ClaimedPush, sinceMs: number | undefined, nowMs: number): boolean {
  if (sinceMs !== undefined && sinceMs > nowMs + APPLES_TOLERANCE_MS) return false;
  return push.renewedMs <= (sinceMs ?? nowMs);
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
  const retryAtMs =
    rules.nowMs + (immediate ? 0 : backoffMs(push.attempts, rules.random, afterMs, rules.longestMs));
  if (retryAtMs >= Math.max(push.eventMs, push.enqueuedMs) + rules.giveUpMs)
    return { ...finished(reason, false), gaveUp: true };
  return { ...finished(reason, false), row: { retryAtMs, hold } };
}
