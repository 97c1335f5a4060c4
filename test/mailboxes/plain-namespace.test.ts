import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeModifiedUtf7 } from '../../src/mailboxes/modified-utf7.ts';
import { mailboxFromPlainName, plainMailbox } from '../../src/mailboxes/plain-namespace.ts';

describe('plainMailbox', () => {
  it.each([
    ['INBOX', 'INBOX'],
    ['inbox', 'INBOX'],
    ['InBox', 'INBOX'],
    ['INBOX/Kid', 'INBOX/Kid'],
    ['inbox/Kid', 'inbox/Kid'],
    ['inboxes', 'inboxes'],
    ['archive', 'archive'],
    ['Entwürfe/😀', 'Entwürfe/😀'],
    ['Entw&APw-rfe', 'Entw&APw-rfe'],
    ['Other Users/bob', 'Other Users/bob'],
    ['user.bob', 'user.bob'],
    ['a//b/', 'a//b/'],
  ])('%s is at %s', (name, path) => {
    expect(plainMailbox('alice', name)).toEqual({ owner: 'alice', path });
  });

  it('leaves the user as it came', () => {
    expect(plainMailbox('Alice@Example.org', 'INBOX')).toEqual({ owner: 'Alice@Example.org', path: 'INBOX' });
  });
});

describe('mailboxFromPlainName', () => {
  it.each([
    ['INBOX', 'INBOX', 'INBOX'],
    ['inbox', 'INBOX', 'inbox'],
    ['Entw&APw-rfe', 'Entwürfe', 'Entwürfe'],
    ['Entw&APw-rfe/&2D3eAA-', 'Entwürfe/😀', 'Entwürfe/😀'],
    ['Entw&-APw-rfe', 'Entw&APw-rfe', 'Entw&APw-rfe'],
    ['Entwürfe', 'Entwürfe', 'Entwürfe'],
    ['a b"c', 'a b"c', 'a b"c'],
    ['Other Users/bob', 'Other Users/bob', 'Other Users/bob'],
  ])('%s', (name, path, decodedName) => {
    expect(mailboxFromPlainName(name, 'alice')).toEqual({ mailbox: { owner: 'alice', path }, decodedName });
  });

  it.each([
    ['', 'alice', /got empty text/],
    ['A&B', 'alice', /modified UTF-7/],
    ['&2D0-', 'alice', /modified UTF-7/],
    ['a\0', 'alice', /modified UTF-7/],
    ['a\ud83d', 'alice', /modified UTF-7/],
    ['INBOX', '', /user name/],
    ['INBOX', 'al\0ice', /user name/],
    ['INBOX', 'al\ud83dice', /user name/],
  ])('refuses %j of %j', (name, user, why) => {
    expect(mailboxFromPlainName(name, user)).toEqual({ bad: expect.stringMatching(why) as string });
  });
});

it('is one mailbox by its UTF-8 name and by its name in modified UTF-7', () => {
  const unit = fc.constantFrom(...Array.from('inboxINBOX/.&-ä日\u{1F600} "'));
  fc.assert(
    fc.property(fc.string({ unit, minLength: 1, maxLength: 8 }), (name) => {
      const registered = mailboxFromPlainName(encodeModifiedUtf7(name), 'alice');
      expect(registered).toEqual({ mailbox: plainMailbox('alice', name), decodedName: name });
    }),
  );
});
