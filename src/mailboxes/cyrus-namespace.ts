import type { Mailbox } from './mailbox.ts';
import {
  DEFAULT_ALT_PREFIX,
  mailboxOf,
  partsOfAdminName,
  partsOfClientName,
  type Parts,
} from './cyrus-parts.ts';
import { decodeModifiedUtf7 } from './modified-utf7.ts';
import { isStorableText } from './storable-text.ts';

/** How a Cyrus server names mailboxes, from imapd.conf(5). */
export interface CyrusNamespace {
  /** `unixhierarchysep`: on is '/', off is '.'. */
  separator: '/' | '.';
  /** `altnamespace`: personal folders beside INBOX, not below it. */
  altNamespace: boolean;
  /** `virtdomains` is userid or on. */
  virtualDomains: boolean;
  /** `defaultdomain`: its users have no domain in their names. */
  defaultDomain?: string;
  /** `userprefix`; with altnamespace only. */
  otherUsersPrefix: string;
  /** `sharedprefix`; with altnamespace only. */
  sharedPrefix: string;
  /** `altprefix`: where altnamespace shows folders whose names it could not tell apart. Absent: Cyrus's default. */
  altPrefix?: string;
}

/** Cyrus 3.6's built-in defaults. */
export const DEFAULT_NAMESPACE: Required<CyrusNamespace> = {
  separator: '/',
  altNamespace: true,
  virtualDomains: false,
  defaultDomain: 'internal',
  otherUsersPrefix: 'Other Users',
  sharedPrefix: 'Shared Folders',
  altPrefix: DEFAULT_ALT_PREFIX,
};

/** A literal `;` cannot be inside the name: Cyrus encodes it. */
const MAILBOX_URI = /^imap:\/\/[^/]+\/([^;].*?)(?:;UIDVALIDITY=\d+)?(?:\/;UID=\d+)?$/i;

/** The mailbox that an event's `uri` or `oldMailboxID` names, or why it names none. */
export function mailboxFromUri(uri: string, ns: CyrusNamespace): { mailbox: Mailbox } | { bad: string } {
  const encoded = MAILBOX_URI.exec(uri)?.[1];
  if (encoded === undefined) return { bad: 'expected imap://server/mailbox' };
  const name = decodePercent(encoded);
  if (name === undefined) return { bad: 'expected percent-encoded UTF-8' };
  return resolve(name, partsOfAdminName(name, ns), ns);
}

/**
 * The mailbox that `user` names in modified UTF-7, as the user's client sees it, and the name decoded;
 * or why it names none.
 */
export function mailboxFromName(
  name: string,
  user: string,
  ns: CyrusNamespace,
): { mailbox: Mailbox; decodedName: string } | { bad: string } {
  if (user === '' || !isStorableText(user)) return { bad: 'its user name is empty or not valid text' };
  const decodedName = decodeModifiedUtf7(name);
  if (decodedName === undefined) return { bad: 'expected modified UTF-7 (RFC 3501, 5.1.3)' };
  const resolved = resolve(decodedName, partsOfClientName(decodedName, user, ns), ns);
  return 'bad' in resolved ? resolved : { ...resolved, decodedName };
}

function decodePercent(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined; // decodeURIComponent has no other way to say that the input is malformed
  }
}

function resolve(name: string, parts: Parts, ns: CyrusNamespace): { mailbox: Mailbox } | { bad: string } {
  if (!isStorableText(name)) return { bad: 'holds a NUL character or half of a surrogate pair' };
  const mailbox = mailboxOf(parts, ns);
  return mailbox === undefined ? { bad: 'expected a mailbox name without empty levels' } : { mailbox };
}
