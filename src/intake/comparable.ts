import type { Config } from '../config/config.ts';
import { mayRead } from '../mailboxes/access-list.ts';
import { kindOfMailbox } from '../mailboxes/collection.ts';
import type { Mailbox } from '../mailboxes/mailbox.ts';
import { comparableUser } from '../mailboxes/user-name.ts';
import type { ReadableBy } from './policy.ts';

/** The mailboxes with their owners as the store has them. */
export function comparable(mailboxes: readonly Mailbox[], { users }: Config): Mailbox[] {
  return mailboxes.map(({ owner, path }) => ({ owner: comparableUser(owner, users), path }));
}

/** The same for an event of Mail or of a collection: no user is the owner of calendars, whatever their name. */
export function comparableOf(mailboxes: readonly Mailbox[], isOfMail: boolean, config: Config): Mailbox[] {
  return comparable(mailboxes, config).filter((each) => !isOfMail || kindOfMailbox(each) === 'mail');
}

/** By the rights in the event; in the other mailbox of a move nobody but its owner is known to have any. */
export function readersOf(
  { acl, of }: ReadableBy,
  config: Config,
): (user: string, mailbox: Mailbox) => boolean {
  const [known] = comparable([of], config);
  return (user, { owner, path }) =>
    owner === known?.owner && path === known.path && mayRead(acl, user, config.users);
}
