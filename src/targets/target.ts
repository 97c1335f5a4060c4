import { kindOfMailbox } from '../mailboxes/collection.ts';
import { comparableUser } from '../mailboxes/user-name.ts';
import type { Registration } from '../events/mail-event.ts';
import { sourceOf, type TargetSource } from './source.ts';
import {
  requestedMailboxes,
  type Subscription,
  type SubscriptionRules,
  subscriptionsOf,
} from './subscription.ts';

/** Who gets a push, as a registration describes it. */
export interface NewTarget {
  user: string;
  /** Lower-case hex. */
  deviceToken: string;
  accountId: string;
  subtopic: string;
  apsVersion: number;
  /** The topic that the phone was told; '' if unknown. */
  topic: string;
  source: TargetSource;
  /** When it runs out, in milliseconds since the epoch: that of a collection; null or absent for Mail. */
  expiresMs?: number | null;
  subscriptions: Subscription[];
}

export interface RegistrationRules extends SubscriptionRules {
  sharedMailboxes: boolean;
  topic: string;
  /** It came by HTTP; by default by a mail server's own ways. */
  byHttp?: boolean;
}

/** Why a registration makes no target, and which part of it is at fault. */
export interface Refusal {
  fault:
    | 'user'
    | 'user length'
    | 'subtopic'
    | 'device token'
    | 'account id'
    | 'topic'
    | 'mailboxes'
    | 'mailbox count'
    | 'mailbox length';
  refused: string;
  hint: string;
}

export type Admission = { target: NewTarget; droppedMailboxes: number } | Refusal;

/** The one subtopic that Mail.app registers with. */
export const MAIL_SUBTOPIC = 'com.apple.mobilemail';

/** Apple says not to assume a length; tokens known today have 64 digits. */
const TOKEN = /^(?:[0-9a-f]{2}){16,200}$/i;

/** Mail.app sends a UUID. Other identifiers of that kind are taken too, arbitrary text is not. */
const ACCOUNT_ID = /^[0-9A-Za-z._-]{16,128}$/;

/** The longest name of a mailbox in Cyrus, with the user's name in it (MAX_MAILBOX_BUFFER in its source). */
export const MAX_USER_BYTES = 1024;

/** Dovecot's MAILBOX_LIST_NAME_MAX_LENGTH, which is more than Cyrus takes. */
export const MAX_MAILBOX_BYTES = 4096;

/** Cyrus's own way through notifyd holds some 450; each costs an index entry, and a device replaces them all daily. */
export const MAX_MAILBOXES = 1000;

/** Turns a registration into a target, or says why it is none. Pure; values of ids never enter a message. */
export function admit(registration: Registration, rules: RegistrationRules): Admission {
  const refused =
    identityRefusal(registration) ??
    mailboxRefusal(registration.user, requestedMailboxes(registration), registration.vnames?.values());
  if (refused !== undefined) return refused;
  const user = comparableUser(registration.user, rules.users);
  const subscriptions = subscriptionsOf(registration, rules);
  const mayBeOthers = rules.sharedMailboxes && registration.source !== 'xaps'; // which asks for no rights
  const kept = (mayBeOthers ? subscriptions : subscriptions.filter(({ owner }) => owner === user)).filter(
    (each) => kindOfMailbox(each) === 'mail',
  );
  if (kept.length === 0) return nothingLeft(registration);
  const target: NewTarget = {
    user,
    deviceToken: registration.deviceToken.toLowerCase(),
    accountId: registration.accountId,
    subtopic: registration.subtopic,
    apsVersion: registration.apsVersion,
    topic: rules.topic,
    source: sourceOf(registration.source, rules.byHttp ?? false),
    subscriptions: kept,
  };
  return { target, droppedMailboxes: requestedMailboxes(registration).length - kept.length };
}

/** Why whoever names itself so gets no pushes; undefined where nothing is wrong. */
export function identityRefusal({
  user,
  subtopic,
  deviceToken,
  accountId,
}: Pick<Registration, 'user' | 'subtopic' | 'deviceToken' | 'accountId'>): Refusal | undefined {
  const refused = userRefusal({ user });
  if (refused !== undefined) return refused;
  if (subtopic !== MAIL_SUBTOPIC)
    return {
      fault: 'subtopic',
      refused: `registration of ${user} has subtopic ${JSON.stringify(subtopic.slice(0, 100))}, expected ${MAIL_SUBTOPIC}`,
      hint: 'only the Mail app can be pushed to; the registration changed nothing',
    };
  const refusedToken = tokenRefusal({ user, deviceToken });
  if (refusedToken !== undefined) return refusedToken;
  if (!ACCOUNT_ID.test(accountId))
    return {
      fault: 'account id',
      refused: `registration of ${user} has an account id of ${accountId.length} characters that is none, expected something like a UUID`,
      hint: 'Mail.app sends a UUID; the registration changed nothing',
    };
  return undefined;
}

export function userRefusal({ user }: Pick<NewTarget, 'user'>): Refusal | undefined {
  if (user === '')
    return {
      fault: 'user',
      refused: 'registration without a user name',
      hint: 'look at what the mail server sends',
    };
  return Buffer.byteLength(user) > MAX_USER_BYTES ? tooLongUser(user) : undefined;
}

export function tokenRefusal({
  user,
  deviceToken,
}: Pick<NewTarget, 'user' | 'deviceToken'>): Refusal | undefined {
  if (TOKEN.test(deviceToken)) return undefined;
  return {
    fault: 'device token',
    refused: `registration of ${user} has a device token of ${deviceToken.length} characters that is none, expected at least 32 hexadecimal digits`,
    hint: 'a device sends its token in hexadecimal; the registration changed nothing',
  };
}

function tooLongUser(user: string): Refusal {
  return {
    fault: 'user length',
    refused: `registration of a user whose name has ${Buffer.byteLength(user)} bytes, expected at most ${MAX_USER_BYTES}`,
    hint: 'look at what the mail server sends; the registration changed nothing',
  };
}

/**
 * Why nobody may ask for these mailboxes, by their number and the lengths of their names alone, those that events have
 * for them among these.
 */
export function mailboxRefusal(
  user: string,
  names: readonly string[],
  vnames: Iterable<string> = [],
): Refusal | undefined {
  if (names.length > MAX_MAILBOXES)
    return {
      fault: 'mailbox count',
      refused: `registration of ${user} names ${names.length} mailboxes, expected at most ${MAX_MAILBOXES}`,
      hint: 'choose fewer mailboxes for pushes on the device; the registration changed nothing',
    };
  const longest = [...names, ...vnames].reduce((most, name) => Math.max(most, Buffer.byteLength(name)), 0);
  if (longest <= MAX_MAILBOX_BYTES) return undefined;
  return {
    fault: 'mailbox length',
    refused: `registration of ${user} names a mailbox of ${longest} bytes, expected at most ${MAX_MAILBOX_BYTES}`,
    hint: 'look at what the mail server sends; the registration changed nothing',
  };
}

function nothingLeft({ user }: Registration): Refusal {
  return {
    fault: 'mailboxes',
    refused: `registration of ${user} names no mailbox of its own that exists`,
    hint: 'nothing was changed; `targets.shared_mailboxes` admits mailboxes of others',
  };
}
