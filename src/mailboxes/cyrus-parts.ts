import { isSameInAscii } from '../process/ascii-case.ts';
import type { CyrusNamespace } from './cyrus-namespace.ts';
import { INBOX, type Mailbox } from './mailbox.ts';

/** A Cyrus mailbox name taken apart: who owns it, and the levels below the owner or the shared root. */
export interface Parts {
  /** The owner's name without domain; undefined for a shared mailbox. */
  localpart: string | undefined;
  /** '' where there are no virtual domains, and for the default domain. */
  domain: string;
  levels: string[];
}

/** How the admin sees other people's mailboxes, and so does everybody without altnamespace. */
const USER_LEVEL = 'user';

/** Default of `altprefix` in imapd.conf(5). */
export const DEFAULT_ALT_PREFIX = 'Alt Folders';

/** Takes apart the admin's name, such as user/john/Archive@example.org: the domain is at the very end. */
export function partsOfAdminName(name: string, ns: CyrusNamespace): Parts {
  const { rest, domain = '' } = splitDomain(name, ns);
  const levels = rest.split(ns.separator);
  if (levels[0] !== USER_LEVEL) return { localpart: undefined, domain, levels };
  return { localpart: levels[1] ?? '', domain, levels: levels.slice(2) };
}

/** Takes apart the name that `user` types in an IMAP client. */
export function partsOfClientName(name: string, user: string, ns: CyrusNamespace): Parts {
  const { rest: localpart, domain = '' } = splitDomain(user, ns);
  const inbox = { localpart, domain, levels: [] };
  const levels = name.split(ns.separator);
  return ns.altNamespace ? partsInAltNamespace(levels, inbox, ns) : partsInNamespace(levels, inbox, ns);
}

/** The identity of the mailbox; undefined when a level of its name is empty. */
export function mailboxOf({ localpart, domain, levels }: Parts, ns: CyrusNamespace): Mailbox | undefined {
  if (localpart === '' || levels.includes('')) return undefined;
  const atDomain = domain === '' ? '' : `@${domain}`;
  if (localpart !== undefined) {
    return { owner: withDots(localpart, ns) + atDomain, path: ownersPath(levels, ns) };
  }
  return levels.length === 0 ? undefined : { owner: '', path: levels.join(ns.separator) + atDomain };
}

function partsInNamespace(levels: string[], inbox: Parts, ns: CyrusNamespace): Parts {
  const [top = '', ...below] = levels;
  if (isSameInAscii(top, INBOX)) return { ...inbox, levels: below };
  return top === USER_LEVEL
    ? partsOfOtherUser(below, inbox.domain, ns)
    : partsOfShared(levels, inbox.domain, ns);
}

function partsInAltNamespace(levels: string[], inbox: Parts, ns: CyrusNamespace): Parts {
  const [top = '', ...below] = levels;
  if (top === ns.otherUsersPrefix) return partsOfOtherUser(below, inbox.domain, ns);
  if (top === ns.sharedPrefix) return partsOfShared(below, inbox.domain, ns);
  if (top === altPrefixOf(ns)) return { ...inbox, levels: below.length > 0 ? below : [''] };
  if (!isSameInAscii(top, INBOX)) return { ...inbox, levels };
  return below.length > 0 ? { ...inbox, levels: [INBOX, ...below] } : inbox;
}

/** With `crossdomains` names have a domain; without, a user sees the own domain only, and names have none. */
function partsOfOtherUser(levels: string[], usersDomain: string, ns: CyrusNamespace): Parts {
  const { rest, domain = usersDomain } = splitDomain(levels[0] ?? '', ns);
  return { localpart: rest, domain, levels: levels.slice(1) };
}

/** With `crossdomains` the domain stands at the top level of a shared mailbox. */
function partsOfShared(levels: string[], usersDomain: string, ns: CyrusNamespace): Parts {
  const { rest, domain = usersDomain } = splitDomain(levels[0] ?? '', ns);
  return { localpart: undefined, domain, levels: [rest, ...levels.slice(1)] };
}

function splitDomain(name: string, ns: CyrusNamespace): { rest: string; domain?: string } {
  const at = ns.virtualDomains ? name.lastIndexOf('@') : -1;
  const domain = withDots(name.slice(at + 1), ns);
  if (at < 0 || !isDomain(domain)) return { rest: name };
  const isDefault = isSameInAscii(domain, ns.defaultDomain ?? '');
  return { rest: name.slice(0, at), domain: isDefault ? '' : domain };
}

/** An address's domain; what cannot be one is the end of a mailbox name that has an `@` in it. */
function isDomain(text: string): boolean {
  return /^[\w.-]+$/.test(text) || /^[\p{L}\p{N}._-]+$/u.test(text); // the second takes V8 half a millisecond
}

/** The dot of a user name, which is '^' where '.' separates levels. */
function withDots(text: string, ns: CyrusNamespace): string {
  return ns.separator === '.' ? text.replaceAll('^', '.') : text;
}

function ownersPath(levels: string[], ns: CyrusNamespace): string {
  if (levels.length === 0) return INBOX;
  if (!ns.altNamespace) return [INBOX, ...levels].join(ns.separator);
  return (isHidden(levels, ns) ? [altPrefixOf(ns), ...levels] : levels).join(ns.separator);
}

/** Folders whose names mean something else at the top of altnamespace; Cyrus moves them below `altprefix`. */
function isHidden(levels: string[], ns: CyrusNamespace): boolean {
  const top = levels[0] ?? '';
  if (top === INBOX) return levels.length === 1;
  return isSameInAscii(top, INBOX) || [ns.otherUsersPrefix, ns.sharedPrefix, altPrefixOf(ns)].includes(top);
}

function altPrefixOf(ns: CyrusNamespace): string {
  return ns.altPrefix ?? DEFAULT_ALT_PREFIX;
}
