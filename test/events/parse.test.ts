import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_EVENTS_PER_LINE, parseEvent } from '../../src/events/parse.ts';
import { DEFAULT_NAMESPACE } from '../../src/mailboxes/cyrus-namespace.ts';

const uri = 'imap://mail.example.org/user/alice';
const messageNew = { event: 'MessageNew', uri };
const change = {
  ...{ kind: 'change', acl: '' },
  source: 'cyrus',
  name: 'MessageNew',
  mailboxes: [{ owner: 'alice', path: 'INBOX' }],
};

function parse(value: unknown): ReturnType<typeof parseEvent> {
  return parseEvent(value, () => DEFAULT_NAMESPACE);
}

describe('parseEvent', () => {
  it('parses one event', () => {
    expect(parse(messageNew)).toEqual([change]);
  });

  it('parses each event of a list, bad ones between good ones too', () => {
    expect(parse([messageNew, 7, [messageNew], messageNew])).toEqual([
      change,
      { kind: 'bad', reason: 'not an event: expected a JSON object' },
      { kind: 'bad', reason: 'not an event: expected a JSON object' },
      change,
    ]);
  });

  it.each([undefined, null, 1, 'MessageNew', true])('%j is no event', (value) => {
    expect(parse(value)).toEqual([{ kind: 'bad', reason: 'not an event: expected a JSON object' }]);
  });

  it('knows the shapes of Dovecot and of Cyrus beside each other', () => {
    const lua = { name: 'MessageRead', user: 'alice', mailbox: 'Archive', uid: 7, flags: {} };
    const results = parse([
      messageNew,
      { dovecot: 1, user: 'alice', events: [lua, { name: 'MessageTrash', mailbox: 'INBOX' }] },
      lua,
      { user: 'alice', event: 'messageNew', folder: 'INBOX', unseen: 1 },
      { Username: 'alice', Mailbox: 'INBOX', Events: ['FlagsClear', 'MessageRead'] },
      { ApsAccountId: 'a', ApsDeviceToken: 't', ApsSubtopic: 's', Username: 'alice', Mailboxes: [] },
    ]);
    expect(results.map((result) => [result.kind, 'source' in result && result.source])).toEqual([
      ['change', 'cyrus'],
      ['change', 'dovecot'],
      ['change', 'dovecot'],
      ['change', 'dovecot'],
      ['change', 'dovecot'],
      ['change', 'xaps'],
      ['change', 'xaps'],
      ['registration', 'xaps'],
    ]);
  });

  it.each([
    [{ dovecot: 9, name: 'MessageNew', event: 'MessageNew' }, 'dovecot: expected version 1'],
    [{ user: 'alice', event: 'MessageNew' }, 'uri is missing'],
    [{ user: 'alice', event: 'messageNew', folder: null }, 'folder: expected a string'],
    [{ user: 'alice', folder: 'INBOX' }, 'event is missing'],
    [{ name: 'MessageNew' }, 'user is missing'],
    [{ Username: 'alice' }, 'Mailbox is missing'],
    [{ Events: ['MessageNew'] }, 'Username is missing'],
    [{ Username: 'alice', Mailboxes: ['INBOX'] }, 'ApsAccountId is missing'],
    [{ ApsSubtopic: 'com.apple.mobilemail' }, 'ApsAccountId is missing'],
  ])('%j is told what it lacks in its own shape', (value, why) => {
    expect(parse(value)).toEqual([{ kind: 'bad', reason: expect.stringContaining(why) as string }]);
  });

  it.each([{}, { Event: 'MessageNew' }, { event: 1 }, { event: null }, { name: 1 }, { user: 'alice' }])(
    '%j has no shape we know',
    (value) => {
      expect(parse(value)).toMatchObject([
        { kind: 'bad', reason: expect.stringContaining('the key event') as string },
      ]);
    },
  );

  it('refuses an empty list and one that is too long', () => {
    expect(parse([])).toEqual([{ kind: 'bad', reason: 'an empty list: expected events' }]);
    const most = Array<unknown>(MAX_EVENTS_PER_LINE).fill(messageNew);
    expect(parse(most)).toHaveLength(MAX_EVENTS_PER_LINE);
    expect(parse([...most, messageNew])).toMatchObject([{ kind: 'bad' }]);
  });

  it('refuses a transaction of too many different events, not one that repeats itself', () => {
    const events = Array.from({ length: MAX_EVENTS_PER_LINE + 1 }, (_, index) => ({
      name: 'MessageNew',
      mailbox: `folder ${index}`,
    }));
    const reason = 'a list of 1001 events: expected at most 1000';
    expect(parse({ dovecot: 1, user: 'alice', events })).toEqual([{ kind: 'bad', reason }]);
    expect(parse({ dovecot: 1, user: 'alice', events: events.slice(1) })).toHaveLength(MAX_EVENTS_PER_LINE);
    const same = events.map((event) => ({ ...event, mailbox: 'INBOX' }));
    expect(parse({ dovecot: 1, user: 'alice', events: same })).toHaveLength(1);
  });

  it('never throws and always gives a result', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(parse(value).length).toBeGreaterThan(0);
      }),
    );
    const keys = ['dovecot', 'user', 'events', 'name', 'event', 'folder', 'Username', 'Events', 'Mailboxes'];
    const known = fc.constantFrom<unknown>(1, 'alice', 'MessageNew', [], [{}], ['MessageNew'], null);
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), fc.oneof(known, fc.anything())), (value) => {
        expect(parse(value).length).toBeGreaterThan(0);
      }),
    );
  });
});
