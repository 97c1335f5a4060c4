import { kindOfMailbox } from '../mailboxes/collection.ts';
import { collectionRefusal } from '../targets/collection.ts';
import { kindOf } from '../targets/kind.ts';
import { comparableUser } from '../mailboxes/user-name.ts';
import { isStorableText } from '../mailboxes/storable-text.ts';
import {
  admit,
  identityRefusal,
  MAIL_SUBTOPIC,
  mailboxRefusal,
  MAX_MAILBOX_BYTES,
  MAX_MAILBOXES,
  MAX_USER_BYTES,
  type NewTarget,
  type Refusal,
  type RegistrationRules,
} from '../targets/target.ts';
import type { Subscription } from '../targets/subscription.ts';
import type { PushHistory, WholeTarget } from '../targets/record.ts';
import type { Candidate, Fault } from '../targets/precedence.ts';
import type { Claim, ForeignRegistration } from './claim.ts';

export interface TransferRules extends RegistrationRules {
  nowMs: number;
}

/** What the longest name can have in UTF-8: eight characters of modified UTF-7 may stand for nine bytes of it. */
const MAX_PATH_BYTES = (MAX_MAILBOX_BYTES / 8) * 9;

/** Clocks of two hosts differ; a time further ahead is a mistake, and would keep a target for ever. */
const MAX_AHEAD_MS = 24 * 3600 * 1000;

/** Holds a claim against the rules of registrations. Pure; values of ids never enter a reason. */
export function admitClaim(
  claim: Claim,
  rules: TransferRules,
): { candidate: Candidate; droppedMailboxes: number } | { fault: Fault } {
  const time = timeFault(claim, rules.nowMs);
  if (time !== undefined) return { fault: time };
  return claim.kind === 'exported' ? admitExported(claim, rules) : admitRegistration(claim, rules);
}

function timeFault(
  { registeredMs, renewedMs }: Pick<ForeignRegistration, 'registeredMs' | 'renewedMs'>,
  nowMs: number,
): Fault | undefined {
  for (const [key, ms] of Object.entries({ registered: registeredMs, renewed: renewedMs }))
    if (ms !== undefined && (ms < 0 || ms > nowMs + MAX_AHEAD_MS))
      return { reason: `${key}: expected a time from 1970 to now` };
  return undefined;
}

function admitRegistration(
  { registration, topic, registeredMs, renewedMs }: ForeignRegistration,
  rules: TransferRules,
): ReturnType<typeof admitClaim> {
  if (!isStorableText(registration.user)) return { fault: { reason: REASONS.user } };
  const admission = admit(registration, { ...rules, topic: topic ?? rules.topic });
  if ('refused' in admission) return { fault: { reason: REASONS[admission.fault] } };
  const { target, droppedMailboxes } = admission;
  return { candidate: { target, registeredMs, renewedMs, history: undefined }, droppedMailboxes };
}

/** The mailboxes stand as the exporting host understood them: its namespace is not known here. */
function admitExported(exported: WholeTarget, rules: TransferRules): ReturnType<typeof admitClaim> {
  const names = exported.subscriptions.map(({ name }) => name);
  const refusal = refusalOf(exported) ?? mailboxRefusal(exported.user, names);
  if (refusal !== undefined) return { fault: { reason: REASONS[refusal.fault] } };
  if (exported.subscriptions.some(isTooLong)) return { fault: { reason: TOO_LONG } };
  const { registeredMs, renewedMs } = exported;
  const { user, deviceToken, accountId, subtopic, apsVersion, topic, source, expiresMs = null } = exported;
  const comparable = comparableUser(user, rules.users);
  const isOfMail = kindOf(exported) === 'mail';
  if (isOfMail !== (expiresMs === null)) return { fault: { reason: EXPIRES } };
  const subscriptions = isOfMail
    ? comparableSubscriptions(exported.subscriptions, comparable, rules)
    : exported.subscriptions.filter((each) => kindOfMailbox(each) === subtopic);
  if (subscriptions.length === 0) return { fault: { reason: REASONS.mailboxes } };
  const target: NewTarget = {
    user: comparable,
    deviceToken: deviceToken.toLowerCase(),
    accountId,
    subtopic,
    apsVersion,
    topic,
    source,
    expiresMs,
    subscriptions,
  };
  return {
    candidate: { target, registeredMs, renewedMs, history: historyOf(exported) },
    droppedMailboxes: exported.subscriptions.length - subscriptions.length,
  };
}

function refusalOf(exported: WholeTarget): Refusal | undefined {
  return kindOf(exported) === 'mail' ? identityRefusal(exported) : collectionRefusal(exported);
}

const EXPIRES = 'expires: expected for calendars and address books, and for these alone';

/** As no registration could have made it. */
function isTooLong({ owner, path }: Subscription): boolean {
  return Buffer.byteLength(owner) > MAX_USER_BYTES || Buffer.byteLength(path) > MAX_PATH_BYTES;
}

const TOO_LONG = `subscriptions: expected owners of at most ${MAX_USER_BYTES} bytes and paths of at most ${MAX_PATH_BYTES}`;

function comparableSubscriptions(
  subscriptions: readonly Subscription[],
  user: string,
  { users, sharedMailboxes }: TransferRules,
): Subscription[] {
  const found = new Map<string, Subscription>();
  for (const { owner, path, name, hash } of subscriptions) {
    const subscription = { owner: comparableUser(owner, users), path, name, hash };
    const key = `${subscription.owner}\0${path}`;
    const isAllowed = sharedMailboxes || subscription.owner === user;
    if (isAllowed && kindOfMailbox(subscription) === 'mail' && !found.has(key)) found.set(key, subscription);
  }
  return [...found.values()];
}

function historyOf(exported: WholeTarget): PushHistory {
  const { lastPushMs, lastSuccessMs, lastError, lastErrorMs, failures, failingSinceMs, disabledMs } =
    exported;
  return { lastPushMs, lastSuccessMs, lastError, lastErrorMs, failures, failingSinceMs, disabledMs };
}

const REASONS: Readonly<Record<Refusal['fault'], string>> = {
  user: 'user: expected a name without NUL characters and halves of surrogate pairs',
  subtopic: `subtopic: expected ${MAIL_SUBTOPIC}`,
  'device token': 'device token: expected 32 to 400 hexadecimal digits, an even number',
  'account id': 'account id: expected 16 to 128 letters, digits, dots, dashes or underscores, such as a UUID',
  'user length': `user: expected at most ${MAX_USER_BYTES} bytes`,
  topic: 'topic: expected one of the app that the subtopic names',
  mailboxes: 'no mailbox of its own that exists',
  'mailbox count': `mailboxes: expected at most ${MAX_MAILBOXES}`,
  'mailbox length': `mailboxes: expected names of at most ${MAX_MAILBOX_BYTES} bytes`,
};
