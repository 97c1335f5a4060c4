import type { HandledPush, WaitingCount, WaitingFilter, WaitingPush } from '../outbox/waiting.ts';

/** What people do with waiting pushes. Nothing is done to those that are being sent. */
export interface WaitingVerbs {
  /** The targets of the oldest `limit` of the pushes that match; -1: of all. */
  waitingIds(filter: WaitingFilter, limit: number): Promise<number[]>;
  /** The pushes to these targets that still wait. */
  waitingById(targetIds: readonly number[]): Promise<WaitingPush[]>;
  countWaiting(filter: WaitingFilter, nowMs: number): Promise<WaitingCount>;
  /** Makes the pushes that match due now. Counts them as they were before; gives those that would have waited, by user. */
  retryWaiting(
    filter: WaitingFilter,
    nowMs: number,
  ): Promise<{ count: WaitingCount; madeDue: HandledPush[] }>;
  /** Removes the pushes that match; gives them, by user. The targets stay. */
  discardWaiting(
    filter: WaitingFilter,
    nowMs: number,
  ): Promise<{ discarded: HandledPush[]; sending: number }>;
}
