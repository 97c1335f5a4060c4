import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mailboxFromName, mailboxFromUri } from '../../src/mailboxes/cyrus-namespace.ts';
import { encodeModifiedUtf7 } from '../../src/mailboxes/modified-utf7.ts';
import { dot, dotAlt, dotVirtual, renamed, slash, slashInInbox, slashVirtual } from './namespaces.ts';

describe('mailboxFromName', () => {
  it.each([
    ['INBOX', 'alice', slash, 'alice', 'INBOX'],
    ['inbox', 'Alice', slash, 'Alice', 'INBOX'],
    ['Inbox', 'alice', dot, 'alice', 'INBOX'],
    ['inbox/Kid', 'alice', slash, 'alice', 'INBOX/Kid'],
    ['inbox.Kid', 'alice', dot, 'alice', 'INBOX.Kid'],
    ['INBOX/INBOX', 'alice', slashInInbox, 'alice', 'INBOX/INBOX'],
    ['Archive/2024', 'alice', slash, 'alice', 'Archive/2024'],
    ['Alt Folders/INBOX', 'alice', slash, 'alice', 'Alt Folders/INBOX'],
    ['Alt Folders/Inbox/Kid', 'alice', slash, 'alice', 'Alt Folders/Inbox/Kid'],
    ['Alt Folders/Plain', 'alice', slash, 'alice', 'Plain'],
    ['&AOQ-rger', 'alice', slash, 'alice', 'ärger'],
    ['ärger', 'alice', slash, 'alice', 'ärger'],
    ['INBOX.v1^2', 'dot.user', dot, 'dot.user', 'INBOX.v1^2'],
    ['user/bob', 'alice', slash, 'alice', 'user/bob'],
    ['Other Users/alice', 'bob', slash, 'alice', 'INBOX'],
    ['Other Users/alice/Archive', 'bob', slash, 'alice', 'Archive'],
    ['Other Users/alice/INBOX/Kid', 'bob', slash, 'alice', 'INBOX/Kid'],
    ['Others/alice/&AOQ-rger', 'bob', renamed, 'alice', 'ärger'],
    ['Other Users/alice', 'bob', renamed, 'bob', 'Other Users/alice'],
    ['Other Users.dot^user.x^y', 'bob', dotAlt, 'dot.user', 'x^y'],
    ['user.alice.Archive', 'bob', dot, 'alice', 'INBOX.Archive'],
    ['user.dot^user', 'bob', dot, 'dot.user', 'INBOX'],
    ['user/alice/Archive', 'bob', slashInInbox, 'alice', 'INBOX/Archive'],
    ['Shared Folders/shared/Team Mail', 'bob', slash, '', 'shared/Team Mail'],
    ['Public/shared', 'bob', renamed, '', 'shared'],
    ['shared.Team Mail', 'bob', dot, '', 'shared.Team Mail'],
    ['Archive', 'bob', slashInInbox, '', 'Archive'],
    ['INBOX', 'john@example.org', slash, 'john@example.org', 'INBOX'],
    ['A@B', 'alice', slash, 'alice', 'A@B'],
    ['INBOX', 'john@example.org', slashVirtual, 'john@example.org', 'INBOX'],
    ['INBOX', 'alice@example.com', slashVirtual, 'alice', 'INBOX'],
    ['Other Users/jane', 'john@example.org', slashVirtual, 'jane@example.org', 'INBOX'],
    ['Other Users/jane', 'alice', slashVirtual, 'jane', 'INBOX'],
    ['Other Users/jane@example.net/x', 'john@example.org', slashVirtual, 'jane@example.net', 'x'],
    ['Other Users/alice@example.com', 'john@example.org', slashVirtual, 'alice', 'INBOX'],
    ['user.jane.x', 'john@example.org', dotVirtual, 'jane@example.org', 'INBOX.x'],
    ['user.jane@example^net.x', 'john@example.org', dotVirtual, 'jane@example.net', 'INBOX.x'],
    ['Shared Folders/shared/x', 'john@example.org', slashVirtual, '', 'shared/x@example.org'],
    ['Shared Folders/shared@example.net/x', 'john@example.org', slashVirtual, '', 'shared/x@example.net'],
    ['shared.x', 'john@example.org', dotVirtual, '', 'shared.x@example.org'],
  ] as const)('%s of %s', (name, user, ns, owner, path) => {
    expect(mailboxFromName(name, user, ns)).toMatchObject({ mailbox: { owner, path } });
  });

  it('gives the name as typed, decoded', () => {
    expect(mailboxFromName('Other Users/alice/&AOQ-rger', 'bob', slash)).toEqual({
      mailbox: { owner: 'alice', path: 'ärger' },
      decodedName: 'Other Users/alice/ärger',
    });
    expect(mailboxFromName('inbox', 'bob', slash)).toMatchObject({ decodedName: 'inbox' });
  });

  it.each([
    ['A&B', 'alice', slash, /modified UTF-7/],
    ['a\0', 'alice', slash, /modified UTF-7/],
    ['', 'alice', slash, /empty levels/],
    ['', 'alice', dot, /empty levels/],
    ['Archive/', 'alice', slash, /empty levels/],
    ['a//b', 'alice', slash, /empty levels/],
    ['Other Users', 'alice', slash, /empty levels/],
    ['Shared Folders', 'alice', slash, /empty levels/],
    ['Alt Folders', 'alice', slash, /empty levels/],
    ['user', 'alice', dot, /empty levels/],
    ['INBOX', '', slash, /user name/],
    ['INBOX', 'al\0ice', slash, /user name/],
  ] as const)('refuses %j of %j', (name, user, ns, why) => {
    expect(mailboxFromName(name, user, ns)).toEqual({ bad: expect.stringMatching(why) as string });
  });
});

it('names the same mailbox by URI and as its owner types it', () => {
  const level = fc.string({
    unit: fc.constantFrom(...Array.from('aInBox ä&%;#+\u{1F600}')),
    minLength: 1,
    maxLength: 8,
  });
  const sub = fc.array(fc.oneof(level, fc.constantFrom('INBOX', 'Kid', 'user')), {
    minLength: 1,
    maxLength: 3,
  });
  const user = fc.constantFrom('alice', 'dot.user', 'john@example.org');
  fc.assert(
    fc.property(sub, user, fc.constantFrom(slash, slashInInbox, dot, dotAlt), (levels, owner, ns) => {
      const adminName = ['user', ns.separator === '.' ? owner.replaceAll('.', '^') : owner, ...levels];
      const uri = `imap://mail.example.org/${adminName.map(encodeURIComponent).join(ns.separator)};UIDVALIDITY=1`;
      const byUri = mailboxFromUri(uri, ns);
      expect(byUri).toMatchObject({ mailbox: { owner } });
      const path = 'mailbox' in byUri ? byUri.mailbox.path : '';
      expect(mailboxFromName(encodeModifiedUtf7(path), owner, ns)).toMatchObject(byUri);
    }),
  );
});
