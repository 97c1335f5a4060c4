import { redactAccountId, redactToken } from '../process/redact.ts';
import { countOf, timeText } from '../process/text.ts';
import { IN_FULL, type Layout } from '../terminal/layout.ts';
import { table } from '../terminal/table.ts';
import { HOLD_TEXTS } from '../outbox/hold.ts';
import { pidOf } from '../delivery/lease.ts';
import type { WaitingPush } from '../outbox/waiting.ts';

/** For a person: a line for each push, and how many more there are. */
export function pushTable(
  pushes: readonly WaitingPush[],
  total: number,
  nowMs: number,
  layout = IN_FULL,
): string {
  if (total === 0) return 'no push waits\n';
  const more = total - pushes.length;
  const rest = more > 0 ? `… and ${countOf(more, 'more push', 'more pushes')}: see --limit\n` : '';
  const rows = pushes.map((push) => cellsOf(push, nowMs, layout));
  return `${table(HEADINGS, rows, layout.columns)}${rest}`;
}

const HEADINGS = [
  'USER',
  'DEVICE TOKEN',
  'EVENT',
  'MAILBOXES',
  'SINCE',
  'ATTEMPTS',
  'NEXT ATTEMPT',
  'WHY IT WAITS',
] as const;

function cellsOf(push: WaitingPush, nowMs: number, { time }: Layout): string[] {
  return [
    push.user,
    redactToken(push.deviceToken),
    push.event,
    mailboxesText(push),
    time(push.enqueuedMs),
    `${push.attempts}`,
    nextText(push, nowMs, time),
    whyText(push, nowMs),
  ];
}

/** More than that would hide the columns to the right; `--json` has them all. */
const MAX_MAILBOXES = 3;

function mailboxesText({ user, mailboxes }: WaitingPush): string {
  const names = mailboxes
    .slice(0, MAX_MAILBOXES)
    .map(({ owner, path }) => (owner === user ? path : `${path} of ${owner === '' ? 'nobody' : owner}`));
  const more = mailboxes.length - names.length;
  return [...names, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

function isSending({ leaseOwner, leaseUntilMs }: WaitingPush, nowMs: number): boolean {
  return leaseOwner !== null && (leaseUntilMs ?? 0) > nowMs;
}

function nextText(push: WaitingPush, nowMs: number, time: Layout['time']): string {
  if (!isSending(push, nowMs)) return push.dueMs <= nowMs ? 'now' : time(push.dueMs);
  const pid = pidOf(push.leaseOwner ?? '');
  return `being sent${pid === undefined ? '' : ` by pid ${pid}`}`;
}

function whyText(push: WaitingPush, nowMs: number): string {
  const { heldBy, lastReason, attempts, dueMs } = push;
  if (heldBy !== null) return `${HOLD_TEXTS[heldBy]}${lastReason === null ? '' : ` (${lastReason})`}`;
  if (isSending(push, nowMs)) return '';
  if (attempts > 0) return 'its sender has ended without an answer';
  return dueMs > nowMs ? 'held back, to be told together with what comes next' : 'not tried yet';
}

/** For `--json`: ids redacted, times in ISO 8601, null where there is none. */
export function pushJson(push: WaitingPush, nowMs: number): object {
  const sending = isSending(push, nowMs);
  return {
    user: push.user,
    deviceToken: redactToken(push.deviceToken),
    accountId: redactAccountId(push.accountId),
    event: push.event,
    mailboxes: push.mailboxes,
    since: timeText(push.enqueuedMs),
    latestEvent: timeText(push.eventMs),
    attempts: push.attempts,
    latestAttempt: push.attemptedMs === null ? null : timeText(push.attemptedMs),
    nextAttempt: sending ? null : timeText(push.dueMs),
    sending,
    sentByPid: sending ? (pidOf(push.leaseOwner ?? '') ?? null) : null,
    heldBy: push.heldBy,
    reason: push.lastReason,
  };
}
