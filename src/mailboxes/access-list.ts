import { comparableUser, type UserRules } from './user-name.ts';

/** `r` of RFC 4314, 2.1: without it a user cannot open the mailbox, and must not learn that mail came. */
const READ = 'r';

/**
 * May this user, made comparable, read a mailbox with this access list: identifiers and rights in turn, each with a
 * tab behind it, as Cyrus writes them into every event? Negative rights take away what others give (RFC 4314, 2). A
 * group cannot be looked up here: it gives no right, and one whose members lose `r` takes it from everybody.
 */
export function mayRead(acl: string, user: string, users: UserRules): boolean {
  const readers = entriesOf(acl).flatMap(([identifier, rights]) =>
    rights.includes(READ) ? [identifier] : [],
  );
  const isMeant = (name: string): boolean =>
    name === 'anyone' || (!isGroup(name) && comparableUser(name, users) === user);
  const losers = readers.filter((name) => name.startsWith('-')).map((name) => name.slice(1));
  if (losers.some((name) => isMeant(name) || isGroup(name))) return false;
  return readers.some((name) => !name.startsWith('-') && isMeant(name));
}

function entriesOf(acl: string): [identifier: string, rights: string][] {
  const parts = acl.split('\t');
  return parts.flatMap((part, index) => {
    const rights = parts[index + 1];
    return index % 2 === 0 && part !== '' && rights !== undefined ? [[part, rights]] : [];
  });
}

function isGroup(name: string): boolean {
  return name.startsWith('group:');
}
