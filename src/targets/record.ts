import type { Subscription } from './subscription.ts';
import type { NewTarget } from './target.ts';

/** A target as the store keeps it. Times are milliseconds since the epoch. */
export interface Target extends Omit<NewTarget, 'subscriptions'>, PushHistory {
  id: number;
  registeredMs: number;
  renewedMs: number;
}

/** What has become of a target's pushes. Times are milliseconds since the epoch. */
export interface PushHistory {
  lastPushMs: number | null;
  lastSuccessMs: number | null;
  lastError: string | null;
  lastErrorMs: number | null;
  failures: number;
  /** The first of these that Apple gave and that is not our own mistake. */
  failingSinceMs: number | null;
  /** No pushes from then on, until it registers again. */
  disabledMs: number | null;
}

/** Of one that was never pushed to. */
export const NO_HISTORY: PushHistory = {
  lastPushMs: null,
  lastSuccessMs: null,
  lastError: null,
  lastErrorMs: null,
  failures: 0,
  failingSinceMs: null,
  disabledMs: null,
};

/** A target with all that belongs to it, as an export holds it. Its number in the store is none of it. */
export interface WholeTarget extends Omit<Target, 'id'> {
  /** By owner and path. */
  subscriptions: Subscription[];
}

/** Which targets a command means. All conditions hold together; none given means all targets. */
export interface TargetFilter {
  user?: string | undefined;
  /** `*` stands for any characters, `?` for one. */
  userPattern?: string | undefined;
  /** Beginning of the device token, in either case. */
  tokenPrefix?: string | undefined;
  accountId?: string | undefined;
  topic?: string | undefined;
  renewedBeforeMs?: number | undefined;
  /** Renewed at this time or later. */
  renewedSinceMs?: number | undefined;
  /** None, of whatever user, has been renewed since under `topic`, which must be given. */
  topicUnusedSinceMs?: number | undefined;
  /** Ran out before. */
  expiredBeforeMs?: number | undefined;
  /** Devices of Mail alone, no collection. */
  ofMail?: true | undefined;
  /** Apple's latest answer was no success. */
  failing?: true | undefined;
  disabled?: true | undefined;
  /** Pushes were tried, and Apple took none. */
  neverTaken?: true | undefined;
  /** A topic that phones were told, and that is none of these: a list in JSON. */
  otherTopicThan?: string | undefined;
}

/** By user and then the latest renewal; or the latest, or the most, first. */
export type TargetOrder = 'user' | 'renewed' | 'registered' | 'success' | 'failures';

/** A topic that phones were told. */
export interface TopicUse {
  topic: string;
  /** How many targets have it, and when one of them was renewed last. */
  count: number;
  renewedMs: number;
}
