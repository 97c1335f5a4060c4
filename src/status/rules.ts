import { COLLECTION_KINDS } from '../mailboxes/collection.ts';
import { HOLD_TEXTS } from '../outbox/hold.ts';
import type { WaitingState } from '../store/summary.ts';
import { countOf, spanText } from '../process/text.ts';
import { attention, broken, type Rule } from './finding.ts';
import { silentHosts } from './hosts.ts';
import { lateNotices } from './services.ts';
import { closedDoors, noServe, outdatedServe, unwritable } from './serve-rules.ts';
import type { Status } from './status.ts';

/** Nobody comes for what has waited so long: `flush` runs every five minutes where no `serve` does (cyrus.conf). */
export const PATIENCE_MS = 10 * 60_000;

/** No credential can be used: broken. */
const unusableCredential: Rule = ({ credentialTrouble }) =>
  credentialTrouble === undefined ? undefined : broken(credentialTrouble.text, credentialTrouble.fix);

/** Apple refuses the certificate, and no push has got through since: broken. */
const refusedCertificate: Rule = (status) => {
  const group = status.waiting.groups.credential;
  if (group === undefined || !isCurrent('credential', status)) return undefined;
  return broken(because('credential', group.reason), CREDENTIAL_FIX);
};

/** Apple refuses one certificate, and takes another: attention. */
const refusedOneOfSeveral: Rule = (status) => {
  const group = status.waiting.groups.credential;
  if (group === undefined || isCurrent('credential', status)) return undefined;
  return attention(because('credential', group.reason), CREDENTIAL_FIX);
};

const CREDENTIAL_FIX = 'renew it under the same topic, or correct apns.server; xapplepush check asks Apple';

/** Apple cannot be reached or has trouble, and no push has got through since: broken. */
const unreachable =
  (state: 'connection' | 'apple', fix: string): Rule =>
  (status) => {
    const group = status.waiting.groups[state];
    if (group === undefined || !isCurrent(state, status)) return undefined;
    const waitedMs = status.nowMs - group.oldestMs;
    const span = waitedMs >= PATIENCE_MS ? `, for ${spanText(waitedMs)}` : '';
    return broken(because(state, group.reason) + span, fix);
  };

/** A push could have been sent for PATIENCE_MS, and was not: broken. */
const nobodyDelivers: Rule = ({ nowMs, waiting: { nextMs }, hosts }) => {
  if (nextMs === undefined || nowMs - nextMs < PATIENCE_MS) return undefined;
  return broken(
    `a push has been due for ${spanText(nowMs - nextMs)} and nobody sends it`,
    hosts !== undefined ? 'see to it that serve runs; its log says what it lacks' : FLUSH_FIX,
  );
};

const FLUSH_FIX = 'run xapplepush flush, and see to it that serve runs, or flush every five minutes';

/** Apple refused every push so far: broken. */
const nothingEverGotThrough: Rule = ({ targets: { lastSuccess, lastFailure } }) =>
  lastSuccess === undefined && lastFailure !== undefined
    ? broken(`no push has got through yet (${lastFailure.reason})`)
    : undefined;

/** A latest failure that is newer than the latest success: attention. */
const latestFailed: Rule = ({ targets: { lastSuccess, lastFailure } }) =>
  lastFailure !== undefined && lastFailure.ms > (lastSuccess?.ms ?? Infinity)
    ? attention(
        `the latest push failed (${lastFailure.reason})`,
        'xapplepush log --pushes tells what became of it',
      )
    : undefined;

/** Pushes that wait for a topic, or since too many devices are said to be gone: attention; broken where nothing else gets through. */
const heldBack =
  (state: 'topic' | 'gone', fix: string): Rule =>
  (status) => {
    const group = status.waiting.groups[state];
    if (group === undefined) return undefined;
    const pushes = countOf(group.pushes, 'push waits', 'pushes wait');
    const text = `${pushes} because ${HOLD_TEXTS[state]}${inBrackets(group.reason)}`;
    return successMs(status) < group.oldestMs ? broken(text, fix) : attention(text, fix);
  };

/** A file that has lain in the spool for PATIENCE_MS: broken. A spool that cannot be looked at: attention. */
const unreadSpool: Rule = ({ spool, nowMs, hosts }) => {
  if ('trouble' in spool) return attention(`the spool cannot be looked at (${spool.trouble})`);
  if (spool.oldestMs === undefined || nowMs - spool.oldestMs < PATIENCE_MS) return undefined;
  return broken(
    `nobody has read the spool for ${spanText(nowMs - spool.oldestMs)}`,
    hosts !== undefined ? 'see to it that serve runs; its log says what it lacks' : FLUSH_FIX,
  );
};

/** Files that could not be read: attention. */
const badFiles: Rule = ({ spool }) =>
  'trouble' in spool || spool.bad === 0
    ? undefined
    : attention(
        `${countOf(spool.bad, 'file')} of the spool could not be understood`,
        'read the reasons in its folder bad, then remove the files',
      );

/** Every device was disabled: broken. */
const allDisabled: Rule = ({ targets: { targets, disabled } }) =>
  targets > 0 && disabled === targets
    ? broken(
        'every device has failed for so long that none is pushed to',
        'xapplepush log tells why; each gets pushes again when it registers, about once a day',
      )
    : undefined;

/** Nobody to push to, or nothing pushed yet, so that nothing proves that it works: broken. */
const nothingProven: Rule = ({ targets: { targets, collections, ever, lastSuccess, lastFailure } }) => {
  if (targets === 0 && COLLECTION_KINDS.every((kind) => collections[kind].targets === 0))
    return ever
      ? broken('no device is registered any more: all were removed', REGISTER_FIX)
      : broken('no device has registered yet', REGISTER_FIX);
  if (lastSuccess === undefined && lastFailure === undefined)
    return broken('no push has been sent yet', 'xapplepush push USER sends one');
  return undefined;
};

const REGISTER_FIX = 'on a phone, set the account to Push in Fetch New Data of Mail, then open Mail';

/** Times in the future: attention. */
const wrongClock: Rule = ({ targets: { ahead } }) =>
  ahead === 0
    ? undefined
    : attention(
        `the clock was ahead, or is behind now: ${countOf(ahead, 'device has', 'devices have')} times in the future, which count as now`,
        'see timedatectl',
      );

/** A certificate that ends within a month, or a further one that cannot be used: attention. */
const certificates: Rule = ({ certificates: all, credentialTrouble }) => {
  if (credentialTrouble !== undefined) return undefined;
  const texts = all.flatMap(({ warning, problems }) => warning ?? problems);
  return texts.length === 0 ? undefined : attention(texts.join('; '));
};

/** In the order in which they are told. */
export const RULES: readonly Rule[] = [
  unwritable,
  closedDoors,
  firstOf(
    unusableCredential,
    refusedCertificate,
    unreachable(
      'connection',
      'let this host reach apns.server, by apns.proxy where there is one; xapplepush check tries each step of the way',
    ),
    unreachable('apple', 'wait: what waits is sent as soon as Apple takes it'),
    nobodyDelivers,
    heldBack('topic', 'configure the certificate for that topic too, under apns.also'),
    heldBack('gone', 'compare apns.server with the certificate; then run xapplepush outbox retry --all'),
    nothingEverGotThrough,
    nothingProven,
    latestFailed,
  ),
  refusedOneOfSeveral,
  unreadSpool,
  allDisabled,
  wrongClock,
  noServe,
  silentHosts,
  outdatedServe,
  certificates,
  badFiles,
  lateNotices,
];

/** The first that applies of what are causes of one another, the cause before what follows from it. */
function firstOf(...rules: Rule[]): Rule {
  return (status) => {
    for (const rule of rules) {
      const finding = rule(status);
      if (finding !== undefined) return finding;
    }
    return undefined;
  };
}

/** True where no push got through since the latest attempt of those that wait so. */
function isCurrent(state: WaitingState, status: Status): boolean {
  const { waiting } = status;
  return (waiting.groups[state]?.attemptedMs ?? 0) > successMs(status);
}

/** Of the latest success; one in the future is of a clock that was ahead, and perhaps older than all else. */
function successMs({ targets: { lastSuccess }, nowMs }: Status): number {
  return lastSuccess === undefined || lastSuccess.ms > nowMs ? -Infinity : lastSuccess.ms;
}

function because(state: 'credential' | 'connection' | 'apple', reason: string | null): string {
  return `${HOLD_TEXTS[state]}${inBrackets(reason)}`;
}

function inBrackets(reason: string | null): string {
  return reason === null ? '' : ` (${reason})`;
}
