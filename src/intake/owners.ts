import type { Config } from '../config/config.ts';
import type { MailEvent } from '../events/mail-event.ts';
import { ownedMailbox } from '../mailboxes/dovecot-namespace.ts';

/**
 * The event with its mailboxes by their owners: Dovecot, by whichever of its drivers, names who acted, and the mailbox as
 * that user sees it; Cyrus names the owner itself. Pure.
 */
export function withOwners(
  event: MailEvent,
  { dovecot: { namespaces } }: Pick<Config, 'dovecot'>,
): MailEvent {
  if (namespaces.length === 0 || event.kind !== 'change' || event.source === 'cyrus') return event;
  return { ...event, mailboxes: event.mailboxes.map((each) => ownedMailbox(each, namespaces)) };
}
