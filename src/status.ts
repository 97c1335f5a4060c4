import { daysLeft } from './apns/credential-expiry.ts';
import { expiryWarning, inspectCredentials } from './apns/credentials.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config/config.ts';
import { openStore } from './db.ts';
import { countBad, countSpool } from './events/spool.ts';
import { summarise, summariseTargets } from './outbox/summary.ts';
import { countOf, timeText } from './table.ts';

/** Is it working? Times are ISO 8601, null where there is none. */
export interface Status {
  targets: number;
  users: number;
  /** Targets whose device has registered within a day: a phone in use does so about daily. */
  renewedToday: number;
  waiting: number;
  oldestWaiting: string | null;
  lastSuccess: string | null;
  lastFailure: { at: string; reason: string } | null;
  spool: { waiting: number; bad: number };
  certificates: {
    topic: string;
    ends: string | null;
    daysLeft: number | null;
    warning: string | null;
    problems: string[];
  }[];
  serve: 'running' | 'not running';
}

const DAY_MS = 24 * 60 * 60_000;

/** Looks at the store, the spool and the credentials; changes nothing. Throws StoreError. */
export async function statusOf(config: Config, clock: Clock): Promise<Status> {
  const nowMs = clock.nowMs();
  const store = openStore(config.store, { create: false });
  try {
    const { targets, waiting, oldestMs } = await summarise(store);
    const summary = await summariseTargets(store, nowMs - DAY_MS, nowMs);
    const { lastFailure } = summary;
    return {
      targets,
      users: summary.users,
      renewedToday: summary.renewed,
      waiting,
      oldestWaiting: time(oldestMs),
      lastSuccess: time(summary.lastSuccessMs),
      lastFailure:
        lastFailure === undefined ? null : { at: timeText(lastFailure.ms), reason: lastFailure.reason },
      spool: { waiting: countSpool(config.spool), bad: countBad(config.spool) },
      certificates: certificatesOf(config, nowMs),
      serve: summary.servedSinceMs === undefined ? 'not running' : 'running',
    };
  } finally {
    store.close();
  }
}

function time(ms: number | undefined): string | null {
  return ms === undefined ? null : timeText(ms);
}

/** A credential that cannot be used is part of the answer, not the end of it. */
function certificatesOf({ apns }: Config, nowMs: number): Status['certificates'] {
  return inspectCredentials(apns, nowMs).map(({ credential, topic, defects }) => {
    const notAfterMs = credential?.notAfterMs;
    return {
      topic: topic ?? '',
      ends: time(notAfterMs),
      daysLeft: notAfterMs === undefined ? null : daysLeft(notAfterMs, nowMs),
      warning: credential === undefined ? null : (expiryWarning(credential, nowMs) ?? null),
      problems: defects.map(({ message }) => message),
    };
  });
}

/** The same on one screen. */
export function describeStatus(status: Status): string {
  const { lastFailure, spool } = status;
  const oldest = status.oldestWaiting === null ? '' : `, the oldest since ${status.oldestWaiting}`;
  const rows: [string, string][] = [
    [
      'targets',
      `${status.targets} of ${countOf(status.users, 'user')}, ${status.renewedToday} renewed within a day`,
    ],
    ['waiting', `${countOf(status.waiting, 'push', 'pushes')}${oldest}`],
    ['last success', status.lastSuccess ?? 'never'],
    ['last failure', lastFailure === null ? 'never' : `${lastFailure.at}: ${lastFailure.reason}`],
    ['spool', `${countOf(spool.waiting, 'file')} waiting, ${spool.bad} bad`],
    ...status.certificates.map((certificate): [string, string] => [
      'certificate',
      certificateText(certificate),
    ]),
    ['serve', status.serve],
  ];
  return rows.map(([name, text]) => `${name.padEnd(14)}${text}\n`).join('');
}

function certificateText({
  topic,
  ends,
  daysLeft: days,
  warning,
  problems,
}: Status['certificates'][number]): string {
  if (problems.length > 0) return problems.join('; ');
  if (warning !== null) return warning;
  return ends === null
    ? `${topic}: a token, which has no end`
    : `${topic}, until ${ends}, ${days ?? 0} days left`;
}
