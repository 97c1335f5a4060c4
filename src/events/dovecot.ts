import { plainMailbox } from '../mailboxes/plain-namespace.ts';
import { isStorableText } from '../mailboxes/storable-text.ts';
import { bad, expected, isObject, shortened } from './fields.ts';
import type { ChangeName, IgnoredEvent, MailboxChange, ParseResult } from './mail-event.ts';

type Json = Record<string, unknown>;

/** The version of the format in which our Lua scripts write a transaction. */
const FORMAT_VERSION = 1;

/** Dovecot's names of the events we can act on; its move is a MessageAppend and a MessageExpunge. */
const CHANGES = new Map<string, ChangeName>([
  ['MessageNew', 'MessageNew'],
  ['MessageAppend', 'MessageAppend'],
  ['MessageRead', 'MessageRead'],
  ['MessageTrash', 'MessageTrash'],
  ['MessageExpunge', 'MessageExpunge'],
  ['FlagsClear', 'FlagsClear'],
  ['FlagsSet', 'FlagsSet'],
]);

/**
 * Parses a transaction as our Lua scripts write it:
 * `{"dovecot":1,"user":…,"events":[{"name":…,"mailbox":…,"flags":[…]},…]}`, with `flags` for changes of flags, and for a
 * message that was stored as read, and `"own":true` for one that its user has sent.
 * Gives one result for everything that happened, however many messages it happened to.
 */
export function parseDovecotTransaction({ dovecot: version, user, events }: Json): ParseResult[] {
  if (version !== FORMAT_VERSION) return [bad(unknownVersion(version))];
  if (!isText(user)) return [bad(notText('user', user))];
  if (!Array.isArray(events)) return [bad(expected('a list of events', 'events', events))];
  if (events.length === 0) return [bad('events: expected at least one event, got an empty list')];
  const list: unknown[] = events;
  return withoutRepetitions(list.map((event, index) => parseElement(event, `events[${index}]`, user)));
}

/** A transaction as one for each change in it; undefined for what is none, or one with an event that is bad. */
export function singleTransactions({ dovecot, user, events }: Json): Json[] | undefined {
  if (dovecot !== FORMAT_VERSION || !isText(user) || !Array.isArray(events)) return undefined;
  const list: unknown[] = events;
  const changes = new Map(
    list.map((event) => {
      const result = parseElement(event, '', user);
      return [result.kind === 'bad' ? undefined : JSON.stringify(result), event] as const;
    }),
  );
  if (changes.has(undefined)) return undefined; // it is told with its place
  return [...changes.values()].map((event) => ({ dovecot, user, events: [event] }));
}

/** Parses one event table of Dovecot's Lua driver, dumped by a script that added the key `user`. */
export function parseDovecotEvent({ name, user, mailbox, flags, own }: Json): ParseResult {
  if (typeof name !== 'string') return bad(expected('a string', 'name', name));
  const changeName = changeNameOf(name);
  if (changeName === undefined) return neverActedOn(name);
  if (!isText(user)) return bad(notText('user', user));
  if (!isText(mailbox)) return bad(notText('mailbox', mailbox));
  const mailboxes = [plainMailbox(user, mailbox)];
  if (own !== undefined && own !== true) return bad(expected('true', 'own', own));
  const isOwn = own === true && changeName === 'MessageNew';
  const change: MailboxChange = { kind: 'change', source: 'dovecot', name: changeName, mailboxes };
  return withFlags(isOwn ? { ...change, isOwn } : change, flags);
}

function unknownVersion(version: unknown): string {
  if (!Number.isSafeInteger(version)) return expected(`version ${FORMAT_VERSION}`, 'dovecot', version);
  return `dovecot: expected version ${FORMAT_VERSION}, the only one known here, got ${Number(version)}`;
}

/** One command on many messages is one change of the mailbox. */
function withoutRepetitions(results: ParseResult[]): ParseResult[] {
  return [...new Map(results.map((result) => [JSON.stringify(result), result])).values()];
}

function parseElement(event: unknown, place: string, user: string): ParseResult {
  if (!isObject(event)) return bad(expected('an object', place, event));
  const result = parseDovecotEvent({ ...event, user });
  return result.kind === 'bad' ? bad(`${place}.${result.reason}`) : result;
}

function withFlags(change: MailboxChange, flags: unknown): ParseResult {
  const { name } = change;
  const isOfFlags = name === 'FlagsClear' || name === 'FlagsSet';
  if (!isOfFlags && (name !== 'MessageAppend' || flags === undefined)) return change;
  const list = listOf(flags);
  if (list === undefined) return bad(expected('a list of strings', 'flags', flags));
  if (!isStrings(list)) return bad('flags: expected a list of strings, got other values in it');
  return { ...change, flags: list };
}

/** The value as a list. Lua has one kind of table, so its JSON encoders may write an empty list as `{}`. */
function listOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value as unknown[];
  return isObject(value) && Object.keys(value).length === 0 ? [] : undefined;
}

/** The change that Dovecot means by this name of an event; undefined where we never act on it. */
export function changeNameOf(name: string): ChangeName | undefined {
  return CHANGES.get(name);
}

/** What every parser of Dovecot's shapes gives for such a name. */
export function neverActedOn(name: string): IgnoredEvent {
  return { kind: 'ignored', name: shortened(name), reason: 'not an event that Mail is told of' };
}

/** Can it be the name of a user or a mailbox? */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && isStorableText(value);
}

/** Why the value is no text by `isText`. */
export function notText(key: string, value: unknown): string {
  if (typeof value !== 'string') return expected('a string', key, value);
  if (value === '') return `${key}: expected a name, got empty text`;
  return `${key}: expected text without NUL characters and halves of surrogate pairs`;
}

export function isStrings(values: readonly unknown[]): values is string[] {
  return values.every((value) => typeof value === 'string');
}
