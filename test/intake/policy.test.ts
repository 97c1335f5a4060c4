import { describe, expect, it } from 'vitest';
import type { Config, EventScope } from '../../src/config/config.ts';
import {
  CHANGE_NAMES,
  type ChangeName,
  type MailboxChange,
  type Registration,
} from '../../src/events/mail-event.ts';
import type { Mailbox } from '../../src/mailboxes/mailbox.ts';
import { decide } from '../../src/intake/policy.ts';

const inbox: Mailbox = { owner: 'alice', path: 'INBOX' };
const archive: Mailbox = { owner: 'alice', path: 'Archive' };
const shared: Mailbox = { owner: '', path: 'INBOX' };

function scopes(scope: EventScope): Config['events'] {
  return Object.fromEntries(CHANGE_NAMES.map((name) => [name, scope])) as Config['events'];
}

function change(name: ChangeName, mailboxes: Mailbox[], rest: Partial<MailboxChange> = {}): MailboxChange {
  return { kind: 'change', source: 'dovecot', name, mailboxes, ...rest };
}

function ignored(name: string, why: RegExp): unknown {
  const mailboxes = expect.any(Array) as unknown[];
  return { act: 'ignore', name, mailboxes, reason: expect.stringMatching(why) as string };
}

describe('decide', () => {
  it('registers, whatever is switched off', () => {
    const registration: Registration = {
      kind: 'registration',
      source: 'cyrus',
      user: 'alice',
      accountId: 'a',
      deviceToken: 't',
      subtopic: 's',
      apsVersion: 2,
      mailboxes: [],
    };
    expect(decide(registration, scopes('off'))).toEqual({ act: 'register', registration });
  });

  it('passes on why the parser ignored an event', () => {
    const event = { kind: 'ignored', name: 'MailboxModseq', reason: 'because' } as const;
    expect(decide(event, scopes('subscribed'))).toEqual({
      act: 'ignore',
      name: 'MailboxModseq',
      reason: 'because',
      mailboxes: [],
    });
  });

  const names = CHANGE_NAMES.filter((name) => name !== 'FlagsClear');

  it.each(names)('%s goes by its scope', (name) => {
    const both = change(name, [archive, inbox]);
    expect(decide(both, scopes('off'))).toEqual(ignored(name, /switched off/));
    expect(decide(both, scopes('inbox'))).toEqual({ act: 'push', name, mailboxes: [inbox] });
    expect(decide(both, scopes('subscribed'))).toEqual({ act: 'push', name, mailboxes: [archive, inbox] });
    expect(decide(change(name, [archive]), scopes('inbox'))).toEqual(ignored(name, /INBOX/));
  });

  it('goes by the scope of this very event', () => {
    const only = { ...scopes('off'), MessageNew: 'subscribed' } as const;
    expect(decide(change('MessageNew', [archive]), only)).toMatchObject({ act: 'push' });
    expect(decide(change('MessageRead', [archive]), only)).toMatchObject({
      act: 'ignore',
      mailboxes: [archive],
    });
  });

  it('takes no shared mailbox for an INBOX', () => {
    expect(decide(change('MessageNew', [shared]), scopes('inbox'))).toEqual(ignored('MessageNew', /INBOX/));
  });

  it('names each mailbox once', () => {
    const twice = change('MessageMove', [inbox, archive, { ...inbox }, { ...inbox, owner: 'bob' }]);
    const mailboxes = [inbox, archive, { owner: 'bob', path: 'INBOX' }];
    expect(decide(twice, scopes('subscribed'))).toMatchObject({
      act: 'push',
      name: 'MessageMove',
      mailboxes,
    });
  });

  it.each([[['\\Seen']], [['\\Flagged', '\\SEEN']], [['\\seen']]])('FlagsClear of %j counts', (flags) => {
    const event = change('FlagsClear', [inbox], { flags });
    expect(decide(event, scopes('inbox'))).toEqual({ act: 'push', name: 'FlagsClear', mailboxes: [inbox] });
  });

  it.each([[[]], [['\\Flagged', 'Seen', '$\\Seen']]])('FlagsClear of %j does not', (flags) => {
    const event = change('FlagsClear', [inbox], { flags });
    expect(decide(event, scopes('subscribed'))).toEqual(ignored('FlagsClear', /unread/));
  });

  it.each([
    ['MessageAppend', { flags: ['\\Seen', '\\Recent'] }, false],
    ['MessageAppend', { flags: ['\\seen'] }, false],
    ['MessageAppend', { flags: ['\\Flagged'] }, undefined],
    ['MessageAppend', { flags: [] }, undefined],
    ['MessageAppend', {}, undefined],
    ['MessageAppend', { unseen: 0 }, false],
    ['MessageCopy', {}, undefined],
    ['MessageCopy', { unseen: 3 }, undefined],
    ['MessageCopy', { unseen: 0 }, false],
    ['MessageNew', { unseen: 0 }, undefined],
    ['MessageRead', { unseen: 3 }, undefined],
  ] as const)('%s with %j is new mail unless it is read', (name, changes, isNewMail) => {
    const flags = 'flags' in changes ? [...changes.flags] : undefined;
    const more = { ...('unseen' in changes && changes), ...(flags && { flags }) };
    const decision = decide(change(name, [archive, inbox], more), scopes('inbox'));
    const wanted = { act: 'push', name, mailboxes: [inbox] };
    expect(decision).toEqual(isNewMail === undefined ? wanted : { ...wanted, isNewMail });
  });

  it.each([
    ['into INBOX', [inbox, archive], {}, true],
    ['into INBOX, where something is unread', [inbox, archive], { unseen: 1 }, true],
    ['into INBOX, where all is read', [inbox, archive], { unseen: 0 }, undefined],
    ['out of INBOX', [archive, inbox], { unseen: 1 }, undefined],
  ] as const)('a move %s', (_, mailboxes, more, isNewMail) => {
    const decision = decide(change('MessageMove', [...mailboxes], more), scopes('inbox'));
    const wanted = { act: 'push', name: 'MessageMove', mailboxes: [inbox] };
    expect(decision).toEqual(isNewMail === undefined ? wanted : { ...wanted, isNewMail });
  });

  it.each([
    [['\\Flagged'], true],
    [['$Junk', '\\ANSWERED'], true],
    [undefined, true],
    [['\\Seen', '\\Deleted', '$Forwarded'], false],
    [[], false],
  ])('FlagsSet of %j counts where Mail shows it: %s', (flags, counts) => {
    const event = change('FlagsSet', [inbox], flags && { flags });
    const push = { act: 'push', name: 'FlagsSet', mailboxes: [inbox] };
    expect(decide(event, scopes('inbox'))).toEqual(counts ? push : ignored('FlagsSet', /no flag/));
    expect(decide(event, scopes('off'))).toEqual(ignored('FlagsSet', /switched off/));
  });

  it('FlagsClear from a server that cannot say of which flags counts', () => {
    const event = change('FlagsClear', [archive, inbox], { source: 'xaps' });
    expect(decide(event, scopes('inbox'))).toEqual({ act: 'push', name: 'FlagsClear', mailboxes: [inbox] });
    expect(decide(event, scopes('off'))).toEqual(ignored('FlagsClear', /switched off/));
  });

  it.each(['dovecot', 'xaps'] as const)('MessageExpunge counts from %s', (source) => {
    const event = change('MessageExpunge', [inbox], { source });
    expect(decide(event, scopes('inbox'))).toMatchObject({ act: 'push' });
  });

  it('MessageExpunge does not count from Cyrus', () => {
    const event = change('MessageExpunge', [inbox], { source: 'cyrus' });
    expect(decide(event, scopes('subscribed'))).toEqual(ignored('MessageExpunge', /another event/));
  });
});
