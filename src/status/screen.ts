import { formatDuration } from '../config/duration.ts';
import { HOLD_TEXTS } from '../outbox/hold.ts';
import type { Device, WaitingState } from '../store/summary.ts';
import { countOf, spanText, timeAndAge, timeText, visible } from '../process/text.ts';
import type { Certificate } from './certificates.ts';
import type { Deliverer, Status } from './status.ts';
import { collectionRows } from './collections.ts';
import { hostRows } from './hosts.ts';
import { serviceRows } from './services.ts';
import type { Look } from './look.ts';
import type { Rate } from './rates.ts';
import { REFRESH_SERVE } from './serve-rules.ts';
import { type Verdict, verdictOf } from './verdict.ts';

/** One thing on the screen. */
export interface Row {
  /** '' for the verdict. */
  name: string;
  text: string;
  tone: Tone;
}

/** What is well, deserves attention or is broken stands out; the rest is plain. */
export type Tone = 'plain' | 'good' | 'attention' | 'bad';

/** The whole state on one screen, the verdict first; little where the store cannot be used. Pure. */
export function rowsOf(look: Look): Row[] {
  const rows =
    'verdict' in look
      ? [verdictRow(look.verdict), ...spoolRows(look), plain('as of', timeText(look.nowMs))]
      : statusRows(look, verdictOf(look));
  return rows.map((row) => ({ ...row, text: visible(row.text) }));
}

function verdictRow({ state, text }: Verdict): Row {
  return { name: '', text, tone: ({ works: 'good', attention: 'attention', broken: 'bad' } as const)[state] };
}

function statusRows(status: Status, verdict: Verdict): Row[] {
  return [
    verdictRow(verdict),
    ...[...targetRows(status), ...collectionRows(status)],
    ...waitingRows(status),
    ...[...rateRows(status), ...outcomeRows(status)],
    ...spoolRows(status),
    ...certificateRows(status),
    serveRow(status),
    ...[...doorRows(status), ...serviceRows(status), ...hostRows(status)],
    plain('as of', timeText(status.nowMs)),
    ...(verdict.findings.some(({ fix }) => fix === null) ? [plain('fix', 'see: xapplepush check')] : []),
  ];
}

function plain(name: string, text: string): Row {
  return { name, text, tone: 'plain' };
}

function targetRows({ targets: { targets, users, renewed, disabled }, disableAfterMs }: Status): Row[] {
  const several = targets > users ? ', some with several' : '';
  const counts = `${targets}, of ${countOf(users, 'user')}${several}; ${renewed} registered within a day`;
  if (disabled === 0) return [plain('devices', counts)];
  const text = `${disabled}, after ${formatDuration(disableAfterMs)} of failures; they must register again`;
  return [plain('devices', counts), { name: 'disabled', text, tone: 'attention' }];
}

/** In the order in which they are told. */
const STATE_TEXTS: Readonly<Record<WaitingState, string>> = {
  sending: 'being sent',
  new: 'not tried yet',
  ...HOLD_TEXTS,
};
export const STATES = Object.keys(STATE_TEXTS) as WaitingState[];

/** What is under way or was not tried yet is as it should be. */
function isHeld(state: WaitingState): boolean {
  return state !== 'sending' && state !== 'new';
}

export function because(state: WaitingState): string {
  return isHeld(state) ? `because ${STATE_TEXTS[state]}` : STATE_TEXTS[state];
}

function waitingRows({ waiting: { groups, oldest, nextMs }, nowMs }: Status): Row[] {
  const counts = STATES.flatMap((state) => {
    const group = groups[state];
    return group === undefined ? [] : { state, pushes: group.pushes };
  });
  const total = counts.reduce((sum, { pushes }) => sum + pushes, 0);
  const waiting = countOf(total, 'push', 'pushes');
  if (oldest === undefined) return [plain('waiting', waiting)];
  const [only, ...others] = counts;
  const why =
    only !== undefined && others.length === 0
      ? because(only.state)
      : counts.map(({ state, pushes }) => `${pushes} ${because(state)}`).join(', ');
  const tone = counts.some(({ state }) => isHeld(state)) ? 'attention' : 'plain';
  const reason = isHeld(oldest.state) && oldest.reason !== null ? ` (${oldest.reason})` : '';
  return [
    { name: 'waiting', text: `${waiting}, ${why}`, tone },
    plain(
      'oldest',
      `${timeAndAge(oldest.ms, nowMs)}, ${deviceText(oldest)}: ${STATE_TEXTS[oldest.state]}${reason}`,
    ),
    plain('next attempt', nextMs === undefined || nextMs <= nowMs ? 'due now' : timeAndAge(nextMs, nowMs)),
  ];
}

function rateRows({ rates, nowMs }: Status): Row[] {
  if ('trouble' in rates) return [plain('pushes', rates.trouble)];
  const { hour, day, sinceMs } = rates;
  const since = sinceMs === undefined ? '' : `since ${timeAndAge(sinceMs, nowMs)}: `;
  return [plain('last hour', rateText(hour)), plain('last day', since + rateText(day))];
}

function rateText({ delivered, failed, medianDelayMs }: Rate): string {
  const counts = `${delivered} delivered, ${failed} failed`;
  return medianDelayMs === undefined ? counts : `${counts}, median delay ${delayText(medianDelayMs)}`;
}

export function delayText(ms: number): string {
  if (ms < 1000) return `${ms} ms`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : spanText(ms);
}

function outcomeRows({ targets: { lastSuccess, lastFailure }, nowMs }: Status): Row[] {
  const at = (ms: number, device: Device | undefined): string =>
    `${timeAndAge(ms, nowMs)}${device === undefined ? '' : `, ${deviceText(device)}`}`;
  const isNewer = lastFailure !== undefined && lastFailure.ms > (lastSuccess?.ms ?? -Infinity);
  const failure =
    lastFailure === undefined ? 'never' : `${at(lastFailure.ms, lastFailure.device)}: ${lastFailure.reason}`;
  return [
    plain('last success', lastSuccess === undefined ? 'never' : at(lastSuccess.ms, lastSuccess.device)),
    { name: 'last failure', text: failure, tone: isNewer ? 'attention' : 'plain' },
  ];
}

function deviceText({ user, deviceToken }: Device): string {
  return `${user}, device ${deviceToken}`;
}

function spoolRows({ spool, nowMs }: Pick<Look, 'spool' | 'nowMs'>): Row[] {
  if ('trouble' in spool) return [{ name: 'spool', text: spool.trouble, tone: 'attention' }];
  const { waiting, oldestMs, bad, newestBad } = spool;
  const oldest = oldestMs === undefined ? '' : ` since ${timeAndAge(oldestMs, nowMs)}`;
  const counts = plain('spool', `${countOf(waiting, 'file')} waiting${oldest}, ${bad} bad`);
  if (newestBad === undefined) return [counts];
  return [counts, { name: 'latest bad', text: `${newestBad.file}: ${newestBad.reason}`, tone: 'attention' }];
}

function certificateRows({ certificates, credentialTrouble }: Status): Row[] {
  const tone = credentialTrouble === undefined ? 'attention' : 'bad';
  return certificates.map(({ problems, warning, ...certificate }) => {
    const name = 'certificate';
    if (problems.length > 0) return { name, text: problems.join('; '), tone };
    if (warning !== undefined) return { name, text: warning, tone: 'attention' };
    return { name, text: endText(certificate), tone: 'plain' };
  });
}

function endText({ topic, endsMs, daysLeft }: Pick<Certificate, 'topic' | 'endsMs' | 'daysLeft'>): string {
  if (endsMs === undefined) return `${topic}: a token, which has no end`;
  return `${topic}, until ${timeText(endsMs)}, ${countOf(daysLeft ?? 0, 'day')} left`;
}

function serveRow({ targets: { served, deliverer }, doors, nowMs }: Status): Row {
  const name = 'serve';
  if (served !== undefined) {
    const { sinceMs, outdated } = served;
    if (sinceMs === undefined)
      return { name, text: 'running, and cannot write to the database', tone: 'bad' };
    const since = `running since ${timeAndAge(sinceMs, nowMs)}`;
    if (outdated.length === 0) return plain(name, since);
    const older = `, with an older version of ${outdated.join(' and ')}; ${REFRESH_SERVE}`;
    return { name, text: since + older, tone: 'attention' };
  }
  return {
    name,
    text: `not running: ${delivererText(deliverer, nowMs)}`,
    tone: doors.length > 0 ? 'attention' : 'plain',
  };
}

function delivererText(deliverer: Deliverer | undefined, nowMs: number): string {
  if (deliverer === undefined) return 'a deliverer starts when there is something to send';
  const { sinceMs, isCurrent } = deliverer;
  const text = `a deliverer has been at work since ${timeAndAge(sinceMs, nowMs)}`;
  return isCurrent ? text : `${text}, with an older configuration or program, and makes way for a new one`;
}

function doorRows({ targets: { served }, nowMs }: Status): Row[] {
  return (served?.closed ?? []).map(({ door, isAsBefore, sinceMs, reason, fix }) => {
    const stands = isAsBefore ? 'open as it was before' : 'closed';
    const text = `${door}, ${stands} since ${timeAndAge(sinceMs, nowMs)}, and tried again: ${reason}`;
    return {
      name: 'door',
      text: fix === null ? text : `${text}; fix: ${fix}`,
      tone: isAsBefore ? 'attention' : 'bad',
    };
  });
}
