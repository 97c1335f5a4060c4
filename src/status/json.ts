import type { CollectionKind } from '../mailboxes/collection.ts';
import { HOLDS } from '../outbox/hold.ts';
import type { WaitingState } from '../store/summary.ts';
import { timeText } from '../process/text.ts';
import { collectionsJson } from './collections.ts';
import { type HostJson, hostJson } from './hosts.ts';
import type { Look } from './look.ts';
import type { Rate } from './rates.ts';
import { type ServicesJson, servicesJson } from './services.ts';
import type { Status } from './status.ts';
import { type Verdict, verdictOf } from './verdict.ts';

/** What `status --json` prints. Times are ISO 8601, null where there is none; tokens are redacted. */
export interface StatusJson {
  at: string;
  verdict: Verdict;
  /** Devices of Mail. */
  targets: number;
  users: number;
  /** Targets whose device has registered within a day. */
  renewedToday: number;
  /** Targets that get no pushes until they register again. */
  disabled: number;
  /** By CalDAV and CardDAV, one for each calendar or address book of a device. */
  collections: Record<CollectionKind, { subscriptions: number; users: number }>;
  waiting: number;
  waitingBecause: Record<WaitingState, number>;
  oldestWaiting: string | null;
  oldest: { user: string; deviceToken: string; state: WaitingState; reason: string | null } | null;
  nextAttempt: string | null;
  /** What the history tells; null where it cannot be read, or none is kept. `since`: where it does not go back a day. */
  rates: { hour: RateJson; day: RateJson & { since: string | null } } | null;
  lastSuccess: string | null;
  /** Null where there was none, and where that target is gone. */
  lastSuccessOf: { user: string; deviceToken: string } | null;
  lastFailure: { at: string; reason: string; user: string; deviceToken: string } | null;
  /** Counts are 0 where `trouble` says why the spool cannot be looked at. */
  spool: {
    waiting: number;
    bad: number;
    oldest: string | null;
    newestBad: { file: string; reason: string } | null;
    trouble: string | null;
  };
  certificates: {
    topic: string;
    ends: string | null;
    daysLeft: number | null;
    warning: string | null;
    problems: string[];
  }[];
  serve: 'running' | 'not running';
  serveSince: string | null;
  /** Of a deliverer that an event has started; null where none is at work. */
  delivererSince: string | null;
  /** What a `serve` works with and is no longer what lies there: paths, or the program. */
  serveOutdated: string[];
  /** Doors of a `serve` that are not open as configured, and are tried again. */
  closedDoors: { door: string; isAsBefore: boolean; since: string; reason: string; fix: string | null }[];
  /** Other push services, where one is switched on. */
  services?: ServicesJson;
  /** What opens the store, where it is a file: better-sqlite3, or Node's own. */
  driver?: NonNullable<Status['driver']>;
  /** Those that share the store, where that is a PostgreSQL. */
  hosts?: HostJson[];
}

interface RateJson {
  delivered: number;
  /** Attempts that Apple did not take. */
  failed: number;
  /** From the event to Apple's answer; null where nothing was delivered. */
  medianDelayMs: number | null;
}

/** The status for programs; where the store cannot be used, what is known without it. Pure. */
export function jsonOf(look: Look): StatusJson | Pick<StatusJson, 'at' | 'verdict' | 'spool'> {
  if (!('verdict' in look)) return statusJson(look);
  return { at: timeText(look.nowMs), verdict: look.verdict, spool: spoolOf(look) };
}

function statusJson(status: Status): StatusJson {
  const { targets, waiting, certificates } = status;
  const { lastSuccess, lastFailure, served, deliverer } = targets;
  const { oldest } = waiting;
  const waitingBecause = countsOf(status);
  return {
    at: timeText(status.nowMs),
    verdict: verdictOf(status),
    targets: targets.targets,
    users: targets.users,
    renewedToday: targets.renewed,
    disabled: targets.disabled,
    collections: collectionsJson(status),
    waiting: Object.values(waitingBecause).reduce((sum, count) => sum + count, 0),
    waitingBecause,
    oldestWaiting: time(oldest?.ms),
    oldest: oldest ? oldestOf(oldest) : null,
    nextAttempt: time(waiting.nextMs),
    rates: ratesOf(status),
    lastSuccess: time(lastSuccess?.ms),
    lastSuccessOf: lastSuccess?.device ?? null,
    lastFailure: lastFailure
      ? { at: timeText(lastFailure.ms), reason: lastFailure.reason, ...lastFailure.device }
      : null,
    spool: spoolOf(status),
    certificates: certificates.map(({ topic, endsMs, daysLeft, warning, problems }) => ({
      topic,
      ends: time(endsMs),
      daysLeft: daysLeft ?? null,
      warning: warning ?? null,
      problems,
    })),
    delivererSince: time(deliverer?.sinceMs),
    ...serveOf(served),
    ...whereThereAre(status),
  };
}

function whereThereAre({
  services,
  driver,
  hosts,
}: Status): Pick<StatusJson, 'services' | 'driver' | 'hosts'> {
  return {
    ...(services && { services: servicesJson(services) }),
    ...(driver && { driver }),
    ...(hosts && { hosts: hosts.map((host) => hostJson(host, timeText)) }),
  };
}

function ratesOf({ rates }: Status): StatusJson['rates'] {
  if ('trouble' in rates) return null;
  const { hour, day, sinceMs } = rates;
  return { hour: rateOf(hour), day: { ...rateOf(day), since: time(sinceMs) } };
}

function rateOf({ medianDelayMs, ...counts }: Rate): RateJson {
  return { ...counts, medianDelayMs: medianDelayMs ?? null };
}

function serveOf(
  served: Status['targets']['served'],
): Pick<StatusJson, 'serve' | 'serveSince' | 'serveOutdated' | 'closedDoors'> {
  if (served === undefined)
    return { serve: 'not running', serveSince: null, serveOutdated: [], closedDoors: [] };
  return {
    serve: 'running',
    serveSince: time(served.sinceMs),
    serveOutdated: served.outdated,
    closedDoors: served.closed.map(({ sinceMs, ...door }) => ({ ...door, since: timeText(sinceMs) })),
  };
}

function countsOf({ waiting: { groups } }: Status): StatusJson['waitingBecause'] {
  const states = ['sending', 'new', ...HOLDS] as const;
  const counts = states.map((state) => [state, groups[state]?.pushes ?? 0]);
  return Object.fromEntries(counts) as StatusJson['waitingBecause'];
}

function oldestOf({
  user,
  deviceToken,
  state,
  reason,
}: NonNullable<Status['waiting']['oldest']>): StatusJson['oldest'] {
  return { user, deviceToken, state, reason };
}

function spoolOf({ spool }: Pick<Look, 'spool'>): StatusJson['spool'] {
  if ('trouble' in spool)
    return { waiting: 0, bad: 0, oldest: null, newestBad: null, trouble: spool.trouble };
  const { waiting, bad, oldestMs, newestBad } = spool;
  return { waiting, bad, oldest: time(oldestMs), newestBad: newestBad ?? null, trouble: null };
}

function time(ms: number | undefined): string | null {
  return ms === undefined ? null : timeText(ms);
}
