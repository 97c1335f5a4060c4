import type { Registration } from '../events/mail-event.ts';
import { type CyrusNamespace, mailboxFromName } from '../mailboxes/cyrus-namespace.ts';
import { type DovecotNamespace, ownedMailbox } from '../mailboxes/dovecot-namespace.ts';
import type { Mailbox } from '../mailboxes/mailbox.ts';
import { mailboxHash } from '../mailboxes/mailbox-hash.ts';
import { mailboxFromPlainName } from '../mailboxes/plain-namespace.ts';
import { comparableUser, type UserRules } from '../mailboxes/user-name.ts';

/** A mailbox that a target wants to hear of. */
export interface Subscription extends Mailbox {
  /** Exactly as registered, in modified UTF-7. */
  name: string;
  /** For `m`; undefined where the server did not echo the name. */
  hash: string | undefined;
}

/** What the names of mailboxes mean in a registration. */
export interface SubscriptionRules {
  users: UserRules;
  namespace: CyrusNamespace;
  /** `dovecot.namespaces`; by default there are none. */
  dovecotNamespaces?: readonly DovecotNamespace[];
  /** `serve.plugin_names_mailboxes`: an XAPS plugin tells phones their mailboxes; by default none does. */
  pluginNamesMailboxes?: boolean;
}

/** A mailbox named twice, or in other case where the server does not care, is one subscription. */
export function subscriptionsOf(registration: Registration, rules: SubscriptionRules): Subscription[] {
  const hasHashes = echoesNames(registration, rules.pluginNamesMailboxes);
  const found = new Map<string, Subscription>();
  for (const name of requestedMailboxes(registration)) {
    const resolved = resolveName(name, registration, rules);
    if ('bad' in resolved) continue;
    const owner = comparableUser(resolved.mailbox.owner, rules.users);
    const { path } = resolved.mailbox;
    const key = `${owner}\0${path}`;
    const hash = hasHashes ? mailboxHash(resolved.decodedName) : undefined;
    if (!found.has(key)) found.set(key, { owner, path, name, hash });
  }
  return [...found.values()];
}

/** Version 1 knows no mailboxes: it always means INBOX. */
export function requestedMailboxes({ apsVersion, mailboxes }: Registration): string[] {
  return apsVersion === 1 ? ['INBOX'] : mailboxes;
}

/** Outside of Cyrus a name means the registering user's own mailbox, but in a namespace of Dovecot for those of others. */
function resolveName(
  name: string,
  { source, user, vnames }: Registration,
  { namespace, dovecotNamespaces = [] }: SubscriptionRules,
): ReturnType<typeof mailboxFromName> {
  if (source === 'cyrus') return mailboxFromName(name, user, namespace);
  const named = mailboxFromPlainName(name, user, vnames?.get(name));
  return 'bad' in named ? named : { ...named, mailbox: ownedMailbox(named.mailbox, dovecotNamespaces) };
}

/** Version 2 is answered with the names that were accepted, by an XAPS plugin only where it is a fork that does. */
function echoesNames({ source, apsVersion }: Registration, pluginNamesMailboxes = false): boolean {
  if (apsVersion < 2) return false;
  return source === 'xaps' ? pluginNamesMailboxes : source !== 'dovecot';
}
