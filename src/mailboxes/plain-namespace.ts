import { isSameInAscii } from '../process/ascii-case.ts';
import { INBOX, type Mailbox } from './mailbox.ts';
import { decodeModifiedUtf7 } from './modified-utf7.ts';
import { isStorableText } from './storable-text.ts';

/**
 * The user's mailbox of that UTF-8 name, for servers that say whose mail changed and how that user calls the
 * folder. The name stands as it came, whatever its separator; only INBOX is known in any case (RFC 3501, 5.1).
 */
export function plainMailbox(user: string, name: string): Mailbox {
  return { owner: user, path: isSameInAscii(name, INBOX) ? INBOX : name };
}

/**
 * The mailbox that `user` names in modified UTF-7, and the name decoded; or why it names none.
 * It is the one that `plainMailbox` gives for the decoded name, or for the one by which events name it.
 */
export function mailboxFromPlainName(
  name: string,
  user: string,
  vname?: string,
): { mailbox: Mailbox; decodedName: string } | { bad: string } {
  if (user === '' || !isStorableText(user)) return { bad: 'its user name is empty or not valid text' };
  const decodedName = decodeModifiedUtf7(name);
  if (decodedName === undefined) return { bad: 'expected modified UTF-7 (RFC 3501, 5.1.3)' };
  if (decodedName === '') return { bad: 'expected a mailbox name, got empty text' };
  return { mailbox: plainMailbox(user, vname ?? decodedName), decodedName };
}
