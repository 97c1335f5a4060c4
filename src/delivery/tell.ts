import type { Outcome } from '../outbox/outcome.ts';
import type { Log } from '../process/log.ts';
import type { ClaimedPush } from '../outbox/attempt.ts';
import type { GivenUp } from '../outbox/waiting.ts';
import type { Settlement } from '../outbox/settlement.ts';

/** One log line for each attempt that has ended. `isHeld`: it was not made, which is told once for all of them. */
export function tell(
  log: Log,
  push: ClaimedPush,
  outcome: Outcome,
  settlement: Settlement,
  isHeld = false,
): void {
  const fields = {
    user: push.user,
    deviceToken: push.deviceToken,
    event: push.event,
    apnsId: push.apnsId,
    attempt: push.attempts,
    reason: settlement.reason,
  };
  if (outcome.kind === 'delivered') log.info('delivered to Apple', fields);
  else if (settlement.disableTarget) log.warn(DISABLED, fields);
  else if (settlement.gaveUp) log.error('gave the push up', fields);
  else if (settlement.removeTarget) log.info('Apple no longer knows the device: device removed', fields);
  else if (isHeld || isToldOnce(outcome, settlement)) log.debug('kept', fields);
  else if (outcome.kind === 'misconfigured') log.error(WRONG_TOPIC, { ...fields, topic: push.topic });
  else if (outcome.kind === 'retry') log.warn('not delivered, will be tried again', fields);
  else log.warn('Apple refused the push', fields);
}

function isToldOnce(outcome: Outcome, settlement: Settlement): boolean {
  if (outcome.kind === 'misconfigured') return outcome.scope === 'credential';
  return isDoubted(outcome, settlement);
}

/** Whether Apple says that the device is gone, as it says of too many in a row. */
export function isDoubted(outcome: Outcome, { row }: Settlement): boolean {
  return outcome.kind === 'gone' && row !== 'finished';
}

/** One log line for all devices that are said to be gone and stay, until a push gets through. */
export function tellDoubted(log: Log, reason: string | undefined): void {
  log.error(
    'Apple says of too many devices in a row that they are gone: the others stay until a push gets through',
    { reason },
  );
}

const DISABLED = 'the device has failed for too long: no more pushes until it registers again';

const WRONG_TOPIC =
  'the certificate does not fit the topic that the device registered with; it must register again';

/** One log line for all pushes of a topic that Apple refuses. */
export function tellTopicRefused(log: Log, outcome: Outcome, topic: string): void {
  const reason = 'reason' in outcome ? outcome.reason : undefined;
  log.error('Apple refuses the topic for one device after the other: its pushes wait', { reason, topic });
}

/** One log line for all pushes that a refused credential keeps. */
export function tellRefused(log: Log, outcome: Outcome, topic: string): void {
  const reason = 'reason' in outcome ? outcome.reason : undefined;
  log.error('Apple refuses the certificate: nothing more is sent for now, every push is kept', {
    reason,
    topic,
  });
}

/** One log line for all pushes that were dropped for their age together. */
export function tellManyGivenUp(log: Log, pushes: number): void {
  log.error('gave many pushes up: they were older than delivery.give_up', { pushes });
}

/** One log line for each push that was dropped for its age. */
export function tellGivenUp(log: Log, dropped: readonly GivenUp[]): void {
  for (const push of dropped) log.error('gave the push up', { ...push });
}

/** How an attempt ended, for a person who waits for it. */
export function sentence(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'delivered':
      return 'Apple took the push';
    case 'gone':
      return `Apple no longer knows the device (${outcome.reason})`;
    case 'rejected':
      return `Apple refused the push (${outcome.reason})`;
    case 'misconfigured':
      return `our set-up is wrong, the push is kept (${outcome.reason})`;
    case 'retry':
      return `not delivered yet, the push is kept (${outcome.reason})`;
  }
}
