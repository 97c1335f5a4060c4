import { isSameInAscii } from '../process/ascii-case.ts';
import type { Config, EventScope } from '../config/config.ts';
import type {
  ChangeName,
  CollectionRegistration,
  MailboxChange,
  MailEvent,
  Registration,
} from '../events/mail-event.ts';
import { GATHERING_MS } from '../outbox/timing.ts';
import { isInbox, type Mailbox } from '../mailboxes/mailbox.ts';

/** The rights in the one mailbox that the event tells them of; in another nobody but its owner has any. */
export interface ReadableBy {
  acl: string;
  of: Mailbox;
}

/** What is to be done about an event. */
export type Decision =
  | { act: 'register'; registration: Registration }
  | { act: 'register collection'; registration: CollectionRegistration }
  /**
   * Tell the targets subscribed to any of these mailboxes; `isNewMail` where that is otherwise than the name says,
   * `gatheringMs` where what comes so soon is to be told with it, `isOwn` where its owner sent the message.
   */
  | ({ act: 'push'; name: ChangeName; mailboxes: Mailbox[]; readable?: ReadableBy } & Haste)
  | { act: 'ignore'; name: string; reason: string; mailboxes: Mailbox[] };

interface Haste {
  isNewMail?: boolean;
  gatheringMs?: number;
  isOwn?: true;
}

const SEEN = ['\\seen'];

/** What Mail shows beside a message, besides whether it is read. */
const SHOWN = ['\\flagged', '\\answered'];

/** Decides by the event alone, before anything is looked up. */
export function decide(event: MailEvent, scopes: Config['events']): Decision {
  if (event.kind === 'registration') return { act: 'register', registration: event };
  if (event.kind === 'collection registration') return { act: 'register collection', registration: event };
  if (event.kind === 'collection change') {
    const { name, mailbox, acl } = event;
    const readable = { acl, of: mailbox };
    return { act: 'push', name, mailboxes: [mailbox], readable, gatheringMs: GATHERING_MS };
  }
  if (event.kind === 'ignored')
    return { act: 'ignore', name: event.name, reason: event.reason, mailboxes: [] };
  const { name } = event;
  const scope = scopes[name];
  const reason = whyNot(event, scope);
  if (reason !== undefined) return { act: 'ignore', name, reason, mailboxes: event.mailboxes };
  const mailboxes = withoutDuplicates(inScope(event.mailboxes, scope));
  if (mailboxes.length > 0)
    return {
      act: 'push',
      name,
      mailboxes,
      ...newMailIn(event),
      ...readableBy(event),
      ...(event.isOwn && { isOwn: event.isOwn }),
    };
  return { act: 'ignore', name, reason: NO_INBOX, mailboxes: event.mailboxes };
}

const NO_INBOX = 'not for an INBOX, and the configuration tells it for INBOX only';

function whyNot(event: MailboxChange, scope: EventScope): string | undefined {
  if (scope === 'off') return 'switched off in the configuration';
  // Cyrus says a move and a deletion by MessageMove and MessageTrash already.
  if (event.name === 'MessageExpunge' && event.source === 'cyrus') return 'Cyrus told it by another event';
  if (event.name === 'FlagsClear' && !mayHave(event, SEEN)) return 'no message became unread';
  if (event.name === 'FlagsSet' && !mayHave(event, SHOWN)) return 'it set no flag that Mail shows';
  return undefined;
}

/** A server that does not say may mean any. Flags are compared without case (RFC 3501, 2.3.2). */
function mayHave({ flags }: MailboxChange, wanted: readonly string[]): boolean {
  return flags === undefined || flags.some((flag) => wanted.some((one) => isSameInAscii(flag, one)));
}

/** What is stored as read is no new mail, and what is moved into an INBOX, such as out of Junk, may be. */
function newMailIn(event: MailboxChange): { isNewMail?: boolean } {
  const [into] = event.mailboxes;
  if (event.name === 'MessageMove')
    return into !== undefined && isInbox(into) && event.unseen !== 0 ? { isNewMail: true } : {};
  return isStoredAsRead(event) ? { isNewMail: false } : {};
}

function isStoredAsRead(event: MailboxChange): boolean {
  if (event.name !== 'MessageAppend' && event.name !== 'MessageCopy') return false;
  return event.unseen === 0 || (event.flags !== undefined && mayHave(event, SEEN));
}

function readableBy({ acl, mailboxes }: MailboxChange): { readable?: ReadableBy } {
  const [of] = mailboxes;
  return acl === undefined || of === undefined ? {} : { readable: { acl, of } };
}

function inScope(mailboxes: Mailbox[], scope: EventScope): Mailbox[] {
  return scope === 'inbox' ? mailboxes.filter(isInbox) : mailboxes;
}

function withoutDuplicates(mailboxes: Mailbox[]): Mailbox[] {
  const isSame = (a: Mailbox, b: Mailbox): boolean => a.owner === b.owner && a.path === b.path;
  return mailboxes.filter(
    (mailbox, index) => mailboxes.findIndex((other) => isSame(mailbox, other)) === index,
  );
}
