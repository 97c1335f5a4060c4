import { COLLECTION_KINDS } from '../mailboxes/collection.ts';
import type { Store } from '../store/store.ts';
import type { TargetSummary } from '../store/summary.ts';
import type { Target, TargetFilter } from '../targets/record.ts';
import { kindOf } from '../targets/kind.ts';
import { redactToken } from '../process/redact.ts';
import { countOf } from '../process/text.ts';
import type { Covered } from './imapd-conf.ts';
import { type Point, ok, skipped, warning } from './point.ts';

export const TARGETS = 'targets';
const TARGET_SUCCESS = 'target success';
const TARGET_TOPICS = 'target topics';

/** Some of the targets: how many, and the first of them. */
export interface SomeTargets {
  count: number;
  first: readonly Pick<Target, 'user' | 'deviceToken' | 'subtopic' | 'lastError'>[];
}

export interface TargetFacts extends Pick<TargetSummary, 'targets' | 'users' | 'collections'> {
  /** Pushes were tried, and Apple took none. */
  neverTaken: SomeTargets;
  /** No credential is for their topic; undefined where no credential could be loaded. */
  uncovered: SomeTargets | undefined;
}

/** The devices and collections that get pushes; `credentials` are undefined where none could be loaded. */
export async function checkTargets(
  store: Store | undefined,
  devices: TargetSummary | undefined,
  credentials: readonly Covered[] | undefined,
): Promise<Point[]> {
  if (store === undefined || devices === undefined) return [NONE];
  const otherTopicThan = credentials && JSON.stringify(credentials.flatMap(({ topics }) => [...topics]));
  return judgeTargets({
    ...devices,
    neverTaken: await some(store, { neverTaken: true }),
    uncovered: otherTopicThan === undefined ? undefined : await some(store, { otherTopicThan }),
  });
}

/** Of a million, the ids alone are no burden. */
async function some(store: Store, filter: TargetFilter): Promise<SomeTargets> {
  const ids = await store.targetIds(filter);
  return { count: ids.length, first: await store.targetsById(ids.slice(0, NAMED_MAX)) };
}

/** Pure. */
export function judgeTargets({ targets, users, collections, neverTaken, uncovered }: TargetFacts): Point[] {
  const others = COLLECTION_KINDS.filter((kind) => collections[kind].targets > 0).map(
    (kind) =>
      `${countOf(collections[kind].targets, SUBSCRIPTIONS[kind][0], SUBSCRIPTIONS[kind][1])} of ${countOf(collections[kind].users, 'user')}`,
  );
  if (targets === 0 && others.length === 0) return [NONE];
  const devices = `${countOf(targets, 'device')} of ${countOf(users, 'user')}`;
  return [ok(TARGETS, [devices, ...others].join(', ')), judgeSuccess(neverTaken), judgeTopics(uncovered)];
}

const SUBSCRIPTIONS = {
  calendar: ['subscription to calendars', 'subscriptions to calendars'],
  contacts: ['subscription to contacts', 'subscriptions to contacts'],
} as const;

const NONE = warning(
  TARGETS,
  'no device is registered',
  'on the phone, set the account to Push in the settings of Mail, Fetch New Data; then open Mail',
);

function judgeSuccess(never: SomeTargets): Point {
  if (never.count === 0) return ok(TARGET_SUCCESS, 'Apple has taken pushes for every device that was tried');
  const lastError = never.first[0]?.lastError ?? null;
  return warning(
    TARGET_SUCCESS,
    `never a success: ${named(never)}${lastError === null ? '' : `; the first says ${lastError}`}`,
    'see why: xapplepush push USER',
  );
}

function judgeTopics(uncovered: SomeTargets | undefined): Point {
  if (uncovered === undefined) return skipped(TARGET_TOPICS, 'credential');
  if (uncovered.count === 0) return ok(TARGET_TOPICS, 'each is covered by a credential');
  return warning(
    TARGET_TOPICS,
    `must register again, since no credential is for their topic: ${named(uncovered)}`,
    'wait a day, since phones register daily, or open Mail there; or configure the credential of the old topic too',
  );
}

/** More would make the line too long to read. */
const NAMED_MAX = 5;

function named({ count, first }: SomeTargets): string {
  const names = first.map((target) => {
    const kind = kindOf(target);
    const device = `${target.user} ${redactToken(target.deviceToken)}`;
    return kind === 'mail' ? device : `${device} (${kind})`;
  });
  const rest = count - names.length;
  return [...names, ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
}
