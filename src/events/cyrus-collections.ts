import { type CollectionKind, collectionMailbox } from '../mailboxes/collection.ts';
import { isStorableText } from '../mailboxes/storable-text.ts';
import { bad, expected, quoted } from './fields.ts';
import type { ChangeName, ParseResult } from './mail-event.ts';

type Json = Record<string, unknown>;

/** `vnd.cmu.mbtype` begins with it, and goes on with letters for its state as that of a mail folder does. */
const KINDS = new Map<string, CollectionKind>([
  ['c', 'calendar'],
  ['a', 'contacts'],
]);

const COLLECTION_TYPE = /^([ca])[dmrzil]*$/;

/** A PUT is MessageNew and a DELETE MessageExpunge; the others come from IMAP. Flags of a collection nobody sees. */
const CHANGES: ReadonlySet<ChangeName> = new Set([
  'MessageNew',
  'MessageAppend',
  'MessageCopy',
  'MessageMove',
  'MessageExpunge',
]);

/** Cyrus's own are 16 hexadecimal digits, 24 letters and digits, or UUIDs. */
const UNIQUE_ID = /^[0-9A-Za-z._-]{8,128}$/;

/** What a mailbox of that type is; undefined where it is neither a calendar nor an address book. */
export function collectionKind(type: string): CollectionKind | undefined {
  return KINDS.get(COLLECTION_TYPE.exec(type)?.[1] ?? '');
}

/** Parses `ApplePushServiceDAV`: a device asks to hear of a calendar or an address book. */
export function parseCollectionRegistration(value: Json): ParseResult {
  const wrong = TEXTS.find((key) => typeof value[key] !== 'string');
  if (wrong !== undefined) return bad(expected('a string', wrong, value[wrong]));
  const { 'vnd.cmu.mbtype': type, ...texts } = value as Record<(typeof TEXTS)[number], string>;
  const collection = collectionKind(type);
  if (collection === undefined) return bad(`vnd.cmu.mbtype: expected c or a, got ${quoted(type)}`);
  const { user, apsDeviceToken: deviceToken, apsTopic: topic, mailboxUser } = texts;
  if (![user, topic, mailboxUser].every(isStorableText)) return bad(UNSTORABLE);
  const { expiry } = value;
  if (typeof expiry !== 'number' || !Number.isSafeInteger(expiry) || expiry <= 0)
    return bad(expected('seconds, more than 0', 'expiry', expiry));
  const uniqueId = uniqueIdIn(value, 'mailboxUniqueId');
  if ('bad' in uniqueId) return bad(uniqueId.bad);
  return {
    ...{ kind: 'collection registration', source: 'cyrus', collection, user, deviceToken, topic },
    ...{ mailboxUser, uniqueId: uniqueId.found, expiryMs: expiry * 1000 },
  };
}

const TEXTS = ['user', 'vnd.cmu.mbtype', 'apsDeviceToken', 'apsTopic', 'mailboxUser'] as const;

const UNSTORABLE =
  'user, apsTopic, mailboxUser: expected text without NUL characters and halves of surrogate pairs';

/** Parses a change of a calendar or an address book; undefined where it changes nothing that its app shows. */
export function parseCollectionChange(
  name: ChangeName,
  collection: CollectionKind,
  value: Json,
  acl: string,
): ParseResult | undefined {
  if (!CHANGES.has(name)) return undefined;
  // 3.6 and 3.10 have it as mailboxID, which is another id where a later Cyrus has compact ones.
  const uniqueId = uniqueIdIn(
    value,
    value['mailboxUniqueId'] === undefined ? 'mailboxID' : 'mailboxUniqueId',
  );
  if ('bad' in uniqueId) return bad(uniqueId.bad);
  return {
    ...{ kind: 'collection change', source: 'cyrus', name },
    mailbox: collectionMailbox(collection, uniqueId.found),
    acl,
  };
}

function uniqueIdIn(value: Json, key: string): { found: string } | { bad: string } {
  const id = value[key];
  if (typeof id !== 'string') return { bad: expected('a string', key, id) };
  if (!UNIQUE_ID.test(id)) return { bad: `${key}: expected a unique id, got ${quoted(id)}` };
  return { found: id };
}
