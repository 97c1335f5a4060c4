import type { Clock } from '../process/clock.ts';
import type { Log } from '../process/log.ts';
import { createReminder, type Reminder } from '../process/reminder.ts';
import type { ServiceName } from '../services/endpoint.ts';
import { endpointName } from '../services/endpoint-name.ts';
import type { EndedNotice } from './notice-sending.ts';

/** One log line for each attempt that has ended; what one service says to all of them is told now and then. */
export function tellsNotices(log: Log, clock: Clock): (ended: EndedNotice) => void {
  const reminders = new Map<ServiceName, Reminder>();
  const reminderOf = (service: ServiceName): Reminder => {
    const reminder = reminders.get(service) ?? createReminder(clock);
    reminders.set(service, reminder);
    return reminder;
  };
  return (ended) => {
    const { claimed, outcome, settlement, isHeld } = ended;
    const { endpoint, notice, attempts } = claimed;
    const { user, service } = endpoint;
    const { reason } = settlement;
    const named = { user, service, endpoint: endpointName(endpoint), event: notice.event };
    const fields = { ...named, attempt: attempts, reason };
    if (outcome.kind === 'delivered') log.info('notice delivered', fields);
    else if (settlement.gaveUp) log.warn('gave the notice up', fields);
    else if (settlement.removeEndpoint)
      log.info('the service no longer knows the endpoint: endpoint removed', fields);
    else if (outcome.kind === 'misconfigured') {
      if (reminderOf(service).isDue(outcome.reason)) log.error(MISCONFIGURED, { service, reason });
      else log.debug('notice kept', fields);
    } else if (isHeld) log.debug('notice kept', fields);
    else if (outcome.kind === 'retry') log.warn('notice not delivered, will be tried again', fields);
    else log.warn('the service refused the notice', fields);
  };
}

const MISCONFIGURED = 'notices of the service cannot be sent and wait';
