import type { Outcome } from '../outbox/outcome.ts';
import { redactToken } from '../process/redact.ts';
import type { Endpoint } from '../services/endpoint.ts';
import { endpointName } from '../services/endpoint-name.ts';
import type { NoticeSettlement } from '../services/settlement.ts';
import type { SettledNotice } from '../store/endpoints.ts';
import type { ClaimedPush } from '../outbox/attempt.ts';
import type { Settlement } from '../outbox/settlement.ts';
import type { EndpointEntry, NoticeEntry, PushEntry, TargetEntry } from './entry.ts';

/** What the history keeps of an attempt that has ended. */
export function pushEntry(
  push: ClaimedPush,
  outcome: Outcome,
  settlement: Settlement,
  nowMs: number,
): PushEntry {
  const { row, reason } = settlement;
  return {
    kind: 'push',
    atMs: nowMs,
    targetId: push.targetId,
    user: push.user,
    device: redactToken(push.deviceToken),
    event: push.event,
    mailboxes: push.mailboxes.map(({ owner, path }) => ({ owner, path })),
    apnsId: push.apnsId,
    attempt: push.attempts,
    tookMs: Math.max(0, nowMs - push.eventMs),
    outcome: outcome.kind,
    ...(reason !== undefined && { reason }),
    then: endOf(settlement),
    ...(row !== 'finished' && { nextMs: row.retryAtMs }),
  };
}

function endOf({ row, gaveUp, removeTarget, disableTarget }: Settlement): PushEntry['then'] {
  if (removeTarget) return 'target removed';
  if (disableTarget) return 'target disabled';
  if (gaveUp) return 'given up';
  return row === 'finished' ? 'done' : 'waits';
}

/** What the history keeps of a change to a target. */
export function targetEntry(
  { user, deviceToken }: { user: string; deviceToken: string },
  change: TargetEntry['change'],
  nowMs: number,
  reason?: string,
): TargetEntry {
  const device = redactToken(deviceToken);
  return { kind: 'target', atMs: nowMs, user, device, change, ...(reason !== undefined && { reason }) };
}

/** What the history keeps of an attempt to send a notice. */
export function noticeEntry({ claimed, outcome, settlement }: SettledNotice, nowMs: number): NoticeEntry {
  const { endpoint, notice, attempts } = claimed;
  const { row, reason } = settlement;
  return {
    ...{ kind: 'notice', atMs: nowMs, user: endpoint.user, service: endpoint.service },
    ...{ endpointId: endpoint.id, endpoint: endpointName(endpoint), event: notice.event },
    ...{ mailbox: notice.mailbox, noticeId: notice.id, attempt: attempts },
    tookMs: Math.max(0, nowMs - notice.eventMs),
    outcome: outcome.kind,
    ...(reason !== undefined && { reason }),
    then: noticeEndOf(settlement),
    ...(row !== 'finished' && { nextMs: row.retryAtMs }),
  };
}

function noticeEndOf({ row, gaveUp, removeEndpoint }: NoticeSettlement): NoticeEntry['then'] {
  if (removeEndpoint) return 'endpoint removed';
  if (gaveUp) return 'given up';
  return row === 'finished' ? 'done' : 'waits';
}

/** What the history keeps of a change to an endpoint. */
export function endpointEntry(
  endpoint: Endpoint,
  change: EndpointEntry['change'],
  nowMs: number,
): EndpointEntry {
  const { user, service } = endpoint;
  return { kind: 'endpoint', atMs: nowMs, user, service, endpoint: endpointName(endpoint), change };
}
