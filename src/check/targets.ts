import type { Store } from '../db.ts';
import { redactToken } from '../log.ts';
import { countOf } from '../table.ts';
import { listTargets, type Target } from '../targets/store.ts';
import type { Covered } from './imapd-conf.ts';
import { type Point, ok, skipped, warning } from './point.ts';

export const TARGETS = 'targets';
export const TARGET_SUCCESS = 'target success';
export const TARGET_TOPICS = 'target topics';
export const OF_TARGETS = [TARGETS, TARGET_SUCCESS, TARGET_TOPICS];

/** The devices that get pushes; `credentials` are undefined where none could be loaded. */
export async function checkTargets(
  store: Store | undefined,
  credentials: readonly Covered[] | undefined,
): Promise<Point[]> {
  const targets = store === undefined ? [] : await listTargets(store, {});
  return judgeTargets(targets, credentials);
}

/** Pure. */
export function judgeTargets(
  targets: readonly Target[],
  credentials: readonly Covered[] | undefined,
): Point[] {
  if (targets.length === 0) return [NONE];
  const users = new Set(targets.map(({ user }) => user)).size;
  const text = `${countOf(targets.length, 'device')} of ${countOf(users, 'user')}`;
  return [ok(TARGETS, text), judgeSuccess(targets), judgeTopics(targets, credentials)];
}

const NONE = warning(
  TARGETS,
  'no device has registered yet',
  'on the phone, set the account to Push in the settings of Mail, Fetch New Data; then open Mail',
);

function judgeSuccess(targets: readonly Target[]): Point {
  const never = targets.filter(
    ({ lastPushMs, lastSuccessMs }) => lastPushMs !== null && lastSuccessMs === null,
  );
  if (never.length === 0) return ok(TARGET_SUCCESS, 'Apple has taken pushes for every device that was tried');
  const [{ lastError } = { lastError: null }] = never;
  return warning(
    TARGET_SUCCESS,
    `never a success: ${named(never)}${lastError === null ? '' : `; the first says ${lastError}`}`,
    'see why: xapplepush push USER',
  );
}

function judgeTopics(targets: readonly Target[], credentials: readonly Covered[] | undefined): Point {
  if (credentials === undefined) return skipped(TARGET_TOPICS, 'credential');
  const topics = new Set(credentials.flatMap((credential) => [...credential.topics]));
  const uncovered = targets.filter(({ topic }) => topic !== '' && !topics.has(topic));
  if (uncovered.length === 0) return ok(TARGET_TOPICS, 'each is covered by a credential');
  return warning(
    TARGET_TOPICS,
    `must register again, since no credential is for their topic: ${named(uncovered)}`,
    'wait a day, since phones register daily, or open Mail there; or configure the credential of the old topic too',
  );
}

/** More would make the line too long to read. */
const NAMED_MAX = 5;

function named(targets: readonly Target[]): string {
  const names = targets
    .slice(0, NAMED_MAX)
    .map(({ user, deviceToken }) => `${user} ${redactToken(deviceToken)}`);
  const rest = targets.length - names.length;
  return [...names, ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
}
