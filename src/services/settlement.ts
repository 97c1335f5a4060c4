import { backoffMs } from '../outbox/backoff.ts';
import type { ServiceOutcome } from './service.ts';

/** What becomes of a notice and its endpoint after an attempt. */
export interface NoticeSettlement {
  row: 'finished' | { retryAtMs: number };
  removeEndpoint: boolean;
  /** Undefined after a success. */
  reason: string | undefined;
  /** It was dropped for its age. */
  gaveUp: boolean;
}

export interface NoticeAge {
  /** How often it was tried. */
  attempts: number;
  /** When its latest event happened, and when its first was taken: the later of the two counts for its age. */
  eventMs: number;
  enqueuedMs: number;
}

export interface NoticeRules {
  nowMs: number;
  /** Its service's. */
  giveUpMs: number;
  /** In [0, 1). */
  random: number;
}

/** Decides by the outcome of an attempt. Only the service itself can say that an endpoint is gone. Pure. */
export function settlementOfNotice(
  age: NoticeAge,
  outcome: ServiceOutcome,
  rules: NoticeRules,
): NoticeSettlement {
  switch (outcome.kind) {
    case 'delivered':
      return finished(undefined);
    case 'gone':
      return { ...finished(outcome.reason), removeEndpoint: true };
    case 'rejected':
      return finished(outcome.reason);
    case 'misconfigured':
      return again(age, outcome.reason, undefined, rules);
    case 'retry':
      return again(age, outcome.reason, outcome.afterMs, rules);
  }
}

function finished(reason: string | undefined): NoticeSettlement {
  return { row: 'finished', removeEndpoint: false, reason, gaveUp: false };
}

function again(
  { attempts, eventMs, enqueuedMs }: NoticeAge,
  reason: string,
  afterMs: number | undefined,
  { nowMs, giveUpMs, random }: NoticeRules,
): NoticeSettlement {
  const retryAtMs = nowMs + backoffMs(attempts, random, afterMs);
  if (retryAtMs >= Math.max(eventMs, enqueuedMs) + giveUpMs) return { ...finished(reason), gaveUp: true };
  return { ...finished(reason), row: { retryAtMs } };
}
