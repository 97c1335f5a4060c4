import { INBOX, type Mailbox } from './mailbox.ts';

/** A namespace of Dovecot in which users see mailboxes that are not their own (`dovecot.namespaces`). */
export interface DovecotNamespace {
  /** Such as `shared/%u/`: %u stands for the owner's name, %n and %d for its parts. Its last character separates levels. */
  prefix: string;
  /** The owner's name, by the same; undefined where the mailboxes are everybody's. */
  owner: string | undefined;
  /** What the owner's own names begin with, such as `INBOX.`; '' for most. */
  ownPrefix: string;
}

/**
 * The mailbox by its owner, where a user means it by a name in one of the namespaces, of which the first that fits
 * counts; any other is the user's own. Dovecot names who acted, and the mailbox as that user sees it. Pure.
 */
export function ownedMailbox(seen: Mailbox, namespaces: readonly DovecotNamespace[]): Mailbox {
  for (const namespace of namespaces) {
    const found = patternOf(namespace.prefix).exec(seen.path)?.groups;
    if (found === undefined) continue;
    if (namespace.owner === undefined) return { owner: '', path: seen.path };
    const { [REST]: rest = INBOX, ...names } = found;
    return {
      owner: filledIn(namespace.owner, names, seen.owner),
      path: rest === INBOX ? INBOX : namespace.ownPrefix + rest,
    };
  }
  return seen;
}

const REST = 'rest';

/** The prefix without its separator is the owner's INBOX too. */
function patternOf(prefix: string): RegExp {
  const separator = escaped(prefix.slice(-1));
  const levels = prefix
    .slice(0, -1)
    .split(/(%[und])/)
    .map((part) => (/^%[und]$/.test(part) ? `(?<${part.slice(1)}>[^${separator}]+)` : escaped(part)));
  return new RegExp(`^${levels.join('')}(?:${separator}(?<${REST}>.+))?$`, 's');
}

function escaped(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}/-]/g, '\\$&');
}

/** What is not in the prefix is that of whoever acts: Dovecot finds an owner without a domain in the user's own. */
function filledIn(owner: string, names: Partial<Record<string, string>>, user: string): string {
  const { u = joined(names['n'] ?? split(user).n, names['d'] ?? split(user).d) } = names;
  const { n, d } = split(u);
  const values: Record<string, string> = { u, n, d };
  return owner.replace(/%([und])/g, (_, key: string) => values[key] ?? '');
}

function split(name: string): { n: string; d: string } {
  const at = name.lastIndexOf('@');
  return at < 0 ? { n: name, d: '' } : { n: name.slice(0, at), d: name.slice(at + 1) };
}

function joined(n: string, d: string): string {
  return d === '' ? n : `${n}@${d}`;
}
