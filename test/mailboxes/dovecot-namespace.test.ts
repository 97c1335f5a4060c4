import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DovecotNamespace, ownedMailbox } from '../../src/mailboxes/dovecot-namespace.ts';

const SHARED: DovecotNamespace = { prefix: 'shared/%u/', owner: '%u', ownPrefix: '' };
const PUBLIC: DovecotNamespace = { prefix: 'Public/', owner: undefined, ownPrefix: '' };

/** `owner:path` of what bob means by that name. */
function meant(path: string, namespaces: DovecotNamespace[], user = 'bob@example.org'): string {
  const mailbox = ownedMailbox({ owner: user, path }, namespaces);
  return `${mailbox.owner}:${mailbox.path}`;
}

describe('a name in a namespace of Dovecot', () => {
  it.each([
    ['shared/alice/Team', 'alice:Team'],
    ['shared/alice/Team/2026', 'alice:Team/2026'],
    ['shared/alice/INBOX', 'alice:INBOX'],
    ['shared/alice', 'alice:INBOX'],
    ['shared/alice@example.net/Entwürfe', 'alice@example.net:Entwürfe'],
    ['Public/News', ':Public/News'],
    ['Public', ':Public'],
  ])('%s is %s', (name, mailbox) => {
    expect(meant(name, [SHARED, PUBLIC])).toBe(mailbox);
  });

  it.each([
    'INBOX',
    'Team',
    'shared',
    'shared/',
    'shared//Team',
    'Shared/alice/Team',
    'Publics',
    'a/Public/x',
  ])('of another kind is the user’s own: %s', (name) => {
    expect(meant(name, [SHARED, PUBLIC])).toBe(`bob@example.org:${name}`);
    expect(meant(name, [])).toBe(`bob@example.org:${name}`);
  });

  it.each<[prefix: string, owner: string, name: string, mailbox: string]>([
    ['shared/%n/', '%u', 'shared/alice/Team', 'alice@example.org:Team'],
    ['shared/%n/', '%n@example.net', 'shared/alice/Team', 'alice@example.net:Team'],
    ['shared/%d/%n/', '%u', 'shared/example.net/alice/Team', 'alice@example.net:Team'],
    ['shared/%d/%n/', '%n', 'shared/example.net/alice', 'alice:INBOX'],
    ['shared/%u/', '%n', 'shared/alice@example.net/Team', 'alice:Team'],
    ['support/', 'support', 'support/Tickets', 'support:Tickets'],
    ['shared.%u.', '%u', 'shared.alice.Team.2026', 'alice:Team.2026'],
    ['a+b (%u)/', '%u', 'a+b (alice)/Team', 'alice:Team'],
  ])('%s of %s: %s is %s', (prefix, owner, name, mailbox) => {
    expect(meant(name, [{ prefix, owner, ownPrefix: '' }])).toBe(mailbox);
  });

  it('has no domain where the user has none', () => {
    const namespace = { prefix: 'shared/%n/', owner: '%u', ownPrefix: '' };
    expect(meant('shared/alice/Team', [namespace], 'bob')).toBe('alice:Team');
  });

  it('begins as the owner’s own names do', () => {
    const namespace = { prefix: 'shared.%u.', owner: '%u', ownPrefix: 'INBOX.' };
    expect(meant('shared.alice.Team', [namespace])).toBe('alice:INBOX.Team');
    expect(meant('shared.alice.INBOX', [namespace])).toBe('alice:INBOX');
    expect(meant('shared.alice', [namespace])).toBe('alice:INBOX');
  });

  it('in the first that fits', () => {
    const inner = { prefix: 'shared/support/', owner: 'help', ownPrefix: '' };
    expect(meant('shared/support/a', [inner, SHARED])).toBe('help:a');
    expect(meant('shared/support/a', [SHARED, inner])).toBe('support:a');
  });

  it('is the mailbox that its owner calls so, whoever it is', () => {
    const name = fc.stringMatching(/^[^/\0]+$/);
    fc.assert(
      fc.property(name, name, (owner, path) => {
        const mailbox = ownedMailbox({ owner: 'bob', path: `shared/${owner}/${path}` }, [SHARED]);
        expect(mailbox).toEqual({ owner, path });
      }),
    );
  });
});
