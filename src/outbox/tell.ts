import type { Outcome } from '../apns/push.ts';
import type { Log } from '../log.ts';
import type { ClaimedPush } from './outbox.ts';
import type { Settlement } from './settlement.ts';
import type { GivenUp } from './upkeep.ts';

/** One log line for each attempt that has ended. */
export function tell(log: Log, push: ClaimedPush, outcome: Outcome, settlement: Settlement): void {
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
  else if (settlement.removeTarget) log.info('Apple knows the device no more: target removed', fields);
  else if (outcome.kind === 'misconfigured' && outcome.scope === 'credential') log.debug('kept', fields);
  else if (outcome.kind === 'misconfigured') log.error(WRONG_TOPIC, { ...fields, topic: push.topic });
  else if (outcome.kind === 'retry') log.warn('not delivered, will be tried again', fields);
  else log.warn('Apple refused the push', fields);
}

const DISABLED = 'the device has failed for too long: no more pushes until it registers again';

const WRONG_TOPIC =
  'the certificate does not fit the topic that the device registered with; it must register again';

/** One log line for all pushes that a refused credential keeps. */
export function tellRefused(log: Log, outcome: Outcome, topic: string): void {
  const reason = 'reason' in outcome ? outcome.reason : undefined;
  log.error('Apple refuses the certificate: nothing more is sent for now, every push is kept', {
    reason,
    topic,
  });
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
      return `Apple knows the device no more (${outcome.reason})`;
    case 'rejected':
      return `Apple refused the push (${outcome.reason})`;
    case 'misconfigured':
      return `our set-up is wrong, the push is kept (${outcome.reason})`;
    case 'retry':
      return `not delivered yet, the push is kept (${outcome.reason})`;
  }
}
