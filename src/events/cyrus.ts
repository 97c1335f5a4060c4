import { mailboxFromUri, type CyrusNamespace } from '../mailboxes/cyrus-namespace.ts';
import type { Mailbox } from '../mailboxes/mailbox.ts';
import { isStorableText } from '../mailboxes/storable-text.ts';
import { collectionKind, parseCollectionChange, parseCollectionRegistration } from './cyrus-collections.ts';
import { bad, expected, quoted, shortened } from './fields.ts';
import type { ChangeName, MailboxChange, ParseResult } from './mail-event.ts';

type Json = Record<string, unknown>;

const REGISTRATION = 'ApplePushService';
const COLLECTION_REGISTRATION = 'ApplePushServiceDAV';

/** Cyrus's names of the events we can act on. A Map, since the name of an event is anybody's string. */
const CHANGES = new Map<string, ChangeName>([
  ['MessageNew', 'MessageNew'],
  ['MessageAppend', 'MessageAppend'],
  ['vnd.cmu.MessageCopy', 'MessageCopy'],
  ['MessageRead', 'MessageRead'],
  ['MessageTrash', 'MessageTrash'],
  ['vnd.cmu.MessageMove', 'MessageMove'],
  ['MessageExpunge', 'MessageExpunge'],
  ['FlagsClear', 'FlagsClear'],
  ['FlagsSet', 'FlagsSet'],
]);

const STORES: ReadonlySet<ChangeName> = new Set(['MessageAppend', 'MessageCopy', 'MessageMove']);

/**
 * `vnd.cmu.mbtype` of a mail folder: `e`, from older servers nothing, and then letters for its state,
 * such as `l` for a folder kept from before Cyrus 3.6 (mboxlist_mbtype_to_string in Cyrus's source).
 */
const MAIL_TYPE = /^e?[dmrzil]*$/;

/** XAPPLEPUSHSERVICE's aps-version where the event has none, as Cyrus itself fills it in. */
const DEFAULT_APS_VERSION = 2;

const UNSTORABLE_USER = 'user: expected text without NUL characters and halves of surrogate pairs';

/** Parses one event as Cyrus's `external` notifier sends it: an object with the string `event`. */
export function parseCyrusEvent(value: Json, ns: () => CyrusNamespace): ParseResult {
  const event = value['event'];
  if (typeof event !== 'string') return bad(expected('a string', 'event', event));
  if (event === REGISTRATION) return parseRegistration(value);
  if (event === COLLECTION_REGISTRATION) return parseCollectionRegistration(value);
  const name = CHANGES.get(event);
  if (name !== undefined) return parseChange(name, value, ns);
  return { kind: 'ignored', name: shortened(event), reason: 'not an event that Mail is told of' };
}

function parseRegistration(value: Json): ParseResult {
  const {
    user,
    apsAccountId,
    apsDeviceToken,
    apsSubtopic,
    mailboxes,
    apsVersion = DEFAULT_APS_VERSION,
  } = value;
  if (typeof user !== 'string') return bad(expected('a string', 'user', user));
  if (!isStorableText(user)) return bad(UNSTORABLE_USER);
  if (typeof apsAccountId !== 'string') return bad(expected('a string', 'apsAccountId', apsAccountId));
  if (typeof apsDeviceToken !== 'string') return bad(expected('a string', 'apsDeviceToken', apsDeviceToken));
  if (typeof apsSubtopic !== 'string') return bad(expected('a string', 'apsSubtopic', apsSubtopic));
  if (!Number.isSafeInteger(apsVersion)) return bad(expected('an integer', 'apsVersion', apsVersion));
  if (!Array.isArray(mailboxes)) return bad(expected('a list of strings', 'mailboxes', mailboxes));
  if (!mailboxes.every(isString)) return bad('mailboxes: expected a list of strings, got other values in it');
  return {
    kind: 'registration',
    source: 'cyrus',
    user,
    accountId: apsAccountId,
    deviceToken: apsDeviceToken,
    subtopic: apsSubtopic,
    apsVersion: Number(apsVersion),
    mailboxes,
  };
}

function parseChange(name: ChangeName, value: Json, ns: () => CyrusNamespace): ParseResult {
  const { user, 'vnd.cmu.mbtype': type = '' } = value;
  if (typeof type !== 'string') return bad(expected('a string', 'vnd.cmu.mbtype', type));
  if (!MAIL_TYPE.test(type)) return parseOther(name, type, value);
  if (typeof user === 'string' && !isStorableText(user)) return bad(UNSTORABLE_USER);
  const mailboxes = parseMailboxes(name === 'MessageMove' ? ['uri', 'oldMailboxID'] : ['uri'], value, ns);
  if ('bad' in mailboxes) return bad(mailboxes.bad);
  const change: MailboxChange = {
    kind: 'change',
    source: 'cyrus',
    name,
    mailboxes: mailboxes.found,
    acl: aclOf(value),
    ...unseenIn(name, value),
  };
  return withFlags(change, value['flagNames']);
}

/** What is in no mail folder. */
function parseOther(name: ChangeName, type: string, value: Json): ParseResult {
  const kind = collectionKind(type);
  const change = kind && parseCollectionChange(name, kind, value, aclOf(value));
  return change ?? { kind: 'ignored', name, reason: `mailbox type ${quoted(type)} is not mail` };
}

/** Cyrus writes it into every event; one without it gives nobody but the owner a right. */
function aclOf({ 'vnd.cmu.mailboxACL': acl }: Json): string {
  return typeof acl === 'string' ? acl : '';
}

/** The owner's, where something is stored or moved; at other events it is that of whoever acts. */
function unseenIn(name: ChangeName, { 'vnd.cmu.unseenMessages': unseen }: Json): { unseen?: number } {
  return STORES.has(name) && typeof unseen === 'number' ? { unseen } : {};
}

/** Those of a message that was stored are there only where event_extra_params asks for flagNames. */
function withFlags(change: MailboxChange, flagNames: unknown): ParseResult {
  const { name } = change;
  const isOfFlags = name === 'FlagsClear' || name === 'FlagsSet';
  if (!isOfFlags && (name !== 'MessageAppend' || flagNames === undefined)) return change;
  if (typeof flagNames !== 'string') return bad(expected('a string', 'flagNames', flagNames));
  return { ...change, flags: flagNames.split(/\s+/).filter((flag) => flag !== '') };
}

function parseMailboxes(
  keys: string[],
  value: Json,
  ns: () => CyrusNamespace,
): { found: Mailbox[] } | { bad: string } {
  const found: Mailbox[] = [];
  for (const key of keys) {
    const uri = value[key];
    if (typeof uri !== 'string') return { bad: expected('a string', key, uri) };
    const parsed = mailboxFromUri(uri, ns());
    if ('bad' in parsed) return { bad: `${key} ${quoted(uri)}: ${parsed.bad}` };
    found.push(parsed.mailbox);
  }
  return { found };
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}
