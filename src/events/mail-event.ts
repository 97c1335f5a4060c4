import type { CollectionKind } from '../mailboxes/collection.ts';
import type { Mailbox } from '../mailboxes/mailbox.ts';

/** Which kind of server told us. It decides the namespace of mailbox names and whether `m` may be sent. */
export type EventSource = 'cyrus' | 'dovecot' | 'dovecot-plugin' | 'xaps' | 'other';

/** The RFC 5423 names we can act on, spelled as in the configuration (vnd.cmu.MessageMove is MessageMove, vnd.cmu.MessageCopy MessageCopy). */
export const CHANGE_NAMES = [
  'MessageNew',
  'MessageAppend',
  'MessageCopy',
  'MessageRead',
  'MessageTrash',
  'MessageMove',
  'MessageExpunge',
  'FlagsClear',
  'FlagsSet',
] as const;

export type ChangeName = (typeof CHANGE_NAMES)[number];

/** A device asks for pushes (XAPPLEPUSHSERVICE). All strings are exactly as they came. */
export interface Registration {
  kind: 'registration';
  source: EventSource;
  user: string;
  accountId: string;
  deviceToken: string;
  subtopic: string;
  apsVersion: number;
  /** Mailbox names in modified UTF-7, in the namespace of the registering user. */
  mailboxes: string[];
  /** How events name these mailboxes, by the names above; absent where a name says it by itself. */
  vnames?: ReadonlyMap<string, string>;
  /** What the device was told when this was kept in the spool; else absent. */
  toldTopic?: string;
}

/** Something changed in a mailbox. */
export interface MailboxChange {
  kind: 'change';
  source: EventSource;
  name: ChangeName;
  /** The mailbox; for a move the destination and the source. Owners are as the server wrote them. */
  mailboxes: Mailbox[];
  /** Who may do what in the first mailbox, as Cyrus writes it; absent where the server tells only whose mailbox it is. */
  acl?: string;
  /**
   * The flags that were cleared or set, or those of a message that was stored, such as `\Seen`; absent where the server
   * does not say, and for other changes.
   */
  flags?: string[];
  /** The owner of the mailbox sent the message; absent where the server does not say. */
  isOwn?: true;
  /** How many messages are unread in the first mailbox now; absent where the server does not say. */
  unseen?: number;
}

/** A device asks to hear of a calendar or an address book (CalDAV and CardDAV). All strings are exactly as they came. */
export interface CollectionRegistration {
  kind: 'collection registration';
  source: 'cyrus';
  collection: CollectionKind;
  /** Who subscribes; the collection may be another's. */
  user: string;
  deviceToken: string;
  /** What the device was told, of this kind of collection. */
  topic: string;
  mailboxUser: string;
  uniqueId: string;
  /** How long it holds. */
  expiryMs: number;
}

/** Something changed in a calendar or an address book. */
export interface CollectionChange {
  kind: 'collection change';
  source: 'cyrus';
  name: ChangeName;
  mailbox: Mailbox;
  /** Who may do what there, as Cyrus writes it. */
  acl: string;
}

/** An event that we never act on, and why. */
export interface IgnoredEvent {
  kind: 'ignored';
  name: string;
  reason: string;
}

export type MailEvent =
  Registration | MailboxChange | CollectionRegistration | CollectionChange | IgnoredEvent;

/** What a parser gives: an event, or the reason why the value is none. */
export type ParseResult = MailEvent | { kind: 'bad'; reason: string };
