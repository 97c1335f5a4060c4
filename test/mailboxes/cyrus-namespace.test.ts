import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mailboxFromUri, type CyrusNamespace } from '../../src/mailboxes/cyrus-namespace.ts';
import { dot, dotAlt, dotVirtual, renamed, slash, slashInInbox, slashVirtual } from './namespaces.ts';

describe('mailboxFromUri', () => {
  function good(path: string, ns: CyrusNamespace, owner: string, mailboxPath: string): void {
    const expected = { mailbox: { owner, path: mailboxPath } };
    for (const tail of ['', ';UIDVALIDITY=1795178065', ';UIDVALIDITY=1795178065/;UID=3']) {
      expect(mailboxFromUri(`imap://mail.example.org/${path}${tail}`, ns)).toEqual(expected);
    }
  }

  it.each([
    ['user/alice', slash, 'alice', 'INBOX'],
    ['user/Alice', slash, 'Alice', 'INBOX'],
    ['user/dot.user', slash, 'dot.user', 'INBOX'],
    ['user/alice/Archive/2024', slash, 'alice', 'Archive/2024'],
    ['user/alice/v1.2', slash, 'alice', 'v1.2'],
    ['user/alice/v1%5E2', slash, 'alice', 'v1^2'],
    ['user/alice/%C3%A4rger', slash, 'alice', 'ärger'],
    ['user/alice/%F0%9F%98%80', slash, 'alice', '\u{1F600}'],
    ['user/alice/A%26B', slash, 'alice', 'A&B'],
    ['user/alice/A%3BUIDVALIDITY=1%2Fx', slash, 'alice', 'A;UIDVALIDITY=1/x'],
    ['user/alice/INBOX/Kid', slash, 'alice', 'INBOX/Kid'],
    ['user/alice/INBOX', slash, 'alice', 'Alt Folders/INBOX'],
    ['user/alice/Inbox/Kid', slash, 'alice', 'Alt Folders/Inbox/Kid'],
    ['user/alice/Other%20Users/x', slash, 'alice', 'Alt Folders/Other Users/x'],
    ['user/alice/Shared%20Folders', slash, 'alice', 'Alt Folders/Shared Folders'],
    ['user/alice/Alt%20Folders', slash, 'alice', 'Alt Folders/Alt Folders'],
    ['user/alice/Other%20Users', renamed, 'alice', 'Other Users'],
    ['user/alice/Public', renamed, 'alice', 'Odd/Public'],
    ['user/alice/Archive', slashInInbox, 'alice', 'INBOX/Archive'],
    ['user/alice/INBOX', slashInInbox, 'alice', 'INBOX/INBOX'],
    ['user.alice.Archive.2024', dot, 'alice', 'INBOX.Archive.2024'],
    ['user.alice.Archive', dotAlt, 'alice', 'Archive'],
    ['user.dot%5Euser', dot, 'dot.user', 'INBOX'],
    ['user.alice.v1%5E2', dot, 'alice', 'INBOX.v1^2'],
    ['user.dot%5Euser.v1%5E2', dotAlt, 'dot.user', 'v1^2'],
    ['shared', slash, '', 'shared'],
    ['shared/Team%20Mail', slash, '', 'shared/Team Mail'],
    ['shared.Team%20Mail', dot, '', 'shared.Team Mail'],
    ['username/x', slash, '', 'username/x'],
    ['user/john%40example.org', slash, 'john@example.org', 'INBOX'],
    ['user/alice/A%40B', slash, 'alice', 'A@B'],
    ['user.john%40example%5Eorg.Archive', dot, 'john@example.org', 'INBOX.Archive'],
    ['user/john/Archive%40example.org', slashVirtual, 'john@example.org', 'Archive'],
    ['user/john%40example.org', slashVirtual, 'john@example.org', 'INBOX'],
    ['user/alice%40example.com', slashVirtual, 'alice', 'INBOX'],
    ['user/alice%40Example.COM', slashVirtual, 'alice', 'INBOX'],
    ['user/john/A%40B%40example.org', slashVirtual, 'john@example.org', 'A@B'],
    ['user/alice/A%40B/C', slashVirtual, 'alice', 'A@B/C'],
    ['user.john.%C3%A4rger%40example.org', dotVirtual, 'john@example.org', 'INBOX.ärger'],
    ['user.j%5Ed.Archive%40example.org', dotVirtual, 'j.d@example.org', 'INBOX.Archive'],
    ['shared/x%40example.org', slashVirtual, '', 'shared/x@example.org'],
    ['shared%40example.com', slashVirtual, '', 'shared'],
  ] as const)('%s', (path, ns, owner, mailboxPath) => {
    good(path, ns, owner, mailboxPath);
  });

  it('cuts UIDVALIDITY and UID from the end only', () => {
    good('user/alice/A;UIDVALIDITY=1B', slash, 'alice', 'A;UIDVALIDITY=1B');
    good('user/alice/A/;UID=x', slash, 'alice', 'A/;UID=x');
  });

  it.each([
    ['', /imap:/],
    ['imap://mail.example.org', /imap:/],
    ['imap://mail.example.org/', /imap:/],
    ['imap://mail.example.org/;UIDVALIDITY=1', /imap:/],
    ['https://mail.example.org/user/alice', /imap:/],
    ['user/alice', /imap:/],
    ['imap://mail.example.org/user/alice/%zz', /percent/],
    ['imap://mail.example.org/user/alice/100%', /percent/],
    ['imap://mail.example.org/user/alice/%ff', /percent/],
    ['imap://mail.example.org/user/alice/%ED%A0%BD', /percent/],
    ['imap://mail.example.org/user/alice/%C0%AF', /percent/],
    ['imap://mail.example.org/user/alice/a%00b', /NUL/],
    ['imap://mail.example.org/user/al\0ice', /NUL/],
    ['imap://mail.example.org/user/alice/\ud83d', /surrogate|percent/],
    ['imap://mail.example.org/user', /empty levels/],
    ['imap://mail.example.org/user/', /empty levels/],
    ['imap://mail.example.org/user//Archive', /empty levels/],
    ['imap://mail.example.org/user/alice/', /empty levels/],
    ['imap://mail.example.org/user/alice//x', /empty levels/],
  ])('refuses %j', (uri, why) => {
    expect(mailboxFromUri(uri, slash)).toEqual({ bad: expect.stringMatching(why) as string });
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom(slash, dot, dotVirtual), (tail, ns) => {
        expect(Object.keys(mailboxFromUri(`imap://x/user/${tail}`, ns))).toHaveLength(1);
      }),
    );
  });
});
