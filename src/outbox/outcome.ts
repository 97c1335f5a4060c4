/** What an answer, or none, means for the push and its target. */
export type Outcome =
  | { kind: 'delivered' }
  /** The token is dead since then; undefined when Apple gave no time. */
  | { kind: 'gone'; reason: string; sinceMs: number | undefined }
  /** Try again: the device alone is throttled, Apple is unwell, or nobody answered. */
  | {
      kind: 'retry';
      reason: string;
      scope: 'device' | 'apple' | 'connection';
      afterMs?: number;
      reconnect: boolean;
    }
  /** Apple does not want this push and never will. */
  | { kind: 'rejected'; reason: string; badDeviceToken: boolean }
  /** Our own mistake. `credential`: stop sending; `topic`: this target's topic does not fit. */
  | { kind: 'misconfigured'; reason: string; scope: 'credential' | 'topic' };

/** True for an answer about the push itself, which shows that the way to Apple and the credential are well. */
export function isVerdict({ kind }: Outcome): boolean {
  return kind === 'delivered' || kind === 'gone' || kind === 'rejected';
}
