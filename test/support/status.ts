import type { WaitingGroup } from '../../src/store/summary.ts';
import type { Status } from '../../src/status/status.ts';
import { NOW_MS } from './store.ts';

export const MINUTE_MS = 60_000;

const DEVICE = { user: 'alice', deviceToken: '80aa34cb…4f3a' };

/** All is well: three devices, the latest push got through a minute ago, nothing waits. */
export function healthy(changes: Partial<Status> = {}): Status {
  return {
    nowMs: NOW_MS,
    targets: {
      targets: 3,
      ofCyrus: 3,
      collections: { calendar: { targets: 0, users: 0 }, contacts: { targets: 0, users: 0 } },
      ever: true,
      users: 2,
      renewed: 2,
      disabled: 0,
      ahead: 0,
      lastSuccess: { ms: NOW_MS - MINUTE_MS, device: DEVICE },
      lastFailure: undefined,
      served: undefined,
      deliverer: undefined,
    },
    rates: {
      hour: { delivered: 1, failed: 0, medianDelayMs: 400 },
      day: { delivered: 20, failed: 1, medianDelayMs: 90_000 },
      sinceMs: undefined,
    },
    waiting: { groups: {}, nextMs: undefined, oldest: undefined },
    spool: { waiting: 0, oldestMs: undefined, bad: 0, newestBad: undefined },
    certificates: [
      {
        topic: 'com.apple.mail.XServer.test',
        endsMs: NOW_MS + 300 * 24 * 60 * MINUTE_MS,
        daysLeft: 300,
        warning: undefined,
        problems: [],
      },
    ],
    credentialTrouble: undefined,
    doors: [],
    neededDoors: [],
    obstacles: [],
    disableAfterMs: 72 * 60 * MINUTE_MS,
    ...changes,
  };
}

/** The same with other figures of the targets. */
export function withTargets(changes: Partial<Status['targets']>): Status {
  const status = healthy();
  return { ...status, targets: { ...status.targets, ...changes } };
}

/** The same with these pushes waiting, the next one due in a minute. */
export function withWaiting(
  groups: Partial<Record<keyof Status['waiting']['groups'], Partial<WaitingGroup>>>,
  changes: Partial<Status['targets']> = {},
): Status {
  const whole = Object.entries(groups).map(([state, group]) => [
    state,
    { pushes: 1, oldestMs: NOW_MS - 1000, attemptedMs: NOW_MS - 500, reason: 'Because', ...group },
  ]);
  const oldest = { ...DEVICE, ms: NOW_MS - 1000, state: Object.keys(groups)[0] as 'new', reason: 'Because' };
  const waiting = { groups: Object.fromEntries(whole) as object, nextMs: NOW_MS + MINUTE_MS, oldest };
  return { ...withTargets(changes), waiting };
}

export function failureAt(ms: number): Status['targets']['lastFailure'] {
  return { ms, reason: 'BadTopic', device: DEVICE };
}
