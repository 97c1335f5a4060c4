import type { Outcome } from '../../../src/outbox/outcome.ts';
import type { Attempt, ClaimedPush } from '../../../src/outbox/attempt.ts';
import type { WaitingPush } from '../../../src/outbox/waiting.ts';
import type { Store } from '../../../src/store/store.ts';
import type { Target } from '../../../src/targets/record.ts';
import type { NewTarget } from '../../../src/targets/target.ts';
import { tokenNumber } from '../../support/events.ts';
import { NOW_MS, newTarget, subscription } from '../../support/store.ts';

/** Opens a store that holds nothing, and closes it when the running test ends. */
export type Open = () => Store | Promise<Store>;

export const MAX_PER_USER = 20;

/** The phone of user number n, subscribed to that user's INBOX and Archive. */
export function phone(n: number, changes: Partial<NewTarget> = {}): NewTarget {
  const user = `user${n}`;
  return newTarget({
    user,
    deviceToken: tokenNumber(n),
    subscriptions: [subscription('INBOX', user), subscription('Archive', user)],
    ...changes,
  });
}

/** Registers that phone and gives the target that it has become. */
export async function withPhone(
  store: Store,
  n: number,
  { nowMs = NOW_MS, ...changes }: Partial<NewTarget> & { nowMs?: number } = {},
): Promise<Target> {
  const target = phone(n, changes);
  await store.register(target, { nowMs, maxPerUser: MAX_PER_USER });
  const found = await store.listTargets({ user: target.user, tokenPrefix: target.deviceToken });
  if (found[0] === undefined) throw new Error('expected a target after a registration');
  return found[0];
}

/** The one push that waits for the target. */
export async function waitingFor(store: Store, { id }: Target): Promise<WaitingPush> {
  const [push] = await store.waitingById([id]);
  if (push === undefined) throw new Error('expected a push to wait');
  return push;
}

export function attempt(push: ClaimedPush, outcome: Outcome, changes: Partial<Attempt> = {}): Attempt {
  return { push, outcome, unprocessed: false, fingerprint: 'fingerprint', ...changes };
}

export const DELIVERED: Outcome = { kind: 'delivered' };
export const GONE: Outcome = { kind: 'gone', reason: 'Unregistered', sinceMs: NOW_MS + 1 };
export const APPLE_AWAY: Outcome = {
  kind: 'retry',
  reason: 'ServiceUnavailable',
  scope: 'apple',
  reconnect: false,
};
export const DEVICE_THROTTLED: Outcome = {
  kind: 'retry',
  reason: 'TooManyRequests',
  scope: 'device',
  afterMs: 60_000,
  reconnect: false,
};
export const WRONG_TOPIC: Outcome = { kind: 'misconfigured', reason: 'BadTopic', scope: 'topic' };
export const UNREACHABLE: Outcome = {
  kind: 'retry',
  reason: 'no answer',
  scope: 'connection',
  reconnect: true,
};
