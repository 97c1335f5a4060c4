import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCyrusEvent } from '../../src/events/cyrus.ts';
import { DEFAULT_NAMESPACE } from '../../src/mailboxes/cyrus-namespace.ts';

const uri = 'imap://mail.example.org/user/alice;UIDVALIDITY=1';
const inbox = { owner: 'alice', path: 'INBOX' };
const messageNew = { event: 'MessageNew', user: 'alice', uri, 'vnd.cmu.mbtype': 'e' };
const move = {
  ...messageNew,
  event: 'vnd.cmu.MessageMove',
  oldMailboxID: 'imap://mail.example.org/user/bob',
};

function parse(value: Record<string, unknown>): ReturnType<typeof parseCyrusEvent> {
  return parseCyrusEvent(value, () => DEFAULT_NAMESPACE);
}

function bad(value: Record<string, unknown>, reason: string | RegExp): void {
  const parsed = parse(value);
  expect(parsed.kind).toBe('bad');
  expect('reason' in parsed ? parsed.reason : '').toMatch(reason);
}

describe('a change', () => {
  it.each([
    ['MessageNew', 'MessageNew'],
    ['MessageAppend', 'MessageAppend'],
    ['vnd.cmu.MessageCopy', 'MessageCopy'],
    ['MessageRead', 'MessageRead'],
    ['MessageTrash', 'MessageTrash'],
    ['MessageExpunge', 'MessageExpunge'],
  ])('%s', (event, name) => {
    expect(parse({ ...messageNew, event })).toEqual({
      ...{ kind: 'change', acl: '' },
      source: 'cyrus',
      name,
      mailboxes: [inbox],
    });
  });

  it('of a move is of the destination and the source', () => {
    const mailboxes = [inbox, { owner: 'bob', path: 'INBOX' }];
    expect(parse(move)).toEqual({
      ...{ kind: 'change', source: 'cyrus', name: 'MessageMove', mailboxes },
      acl: '',
    });
  });

  it.each([
    ['\\Seen', ['\\Seen']],
    ['\\Deleted \\Flagged \\Seen $Junk', ['\\Deleted', '\\Flagged', '\\Seen', '$Junk']],
    ['', []],
  ])('FlagsClear of %j', (flagNames, flags) => {
    expect(parse({ ...messageNew, event: 'FlagsClear', flagNames })).toMatchObject({ flags });
  });

  it.each([undefined, 'e', '', 'el', 'l'])('is of mail where mbtype is %j', (type) => {
    expect(parse({ ...messageNew, 'vnd.cmu.mbtype': type })).toMatchObject({ kind: 'change' });
  });

  it.each(['f', 'b', 'ce', 'ac', 'x'.repeat(500)])(
    'is ignored where mbtype is %j, whatever its uri',
    (type) => {
      const ignored = parse({ ...messageNew, uri: 1, 'vnd.cmu.mbtype': type });
      expect(ignored).toMatchObject({ kind: 'ignored', name: 'MessageNew' });
      expect('reason' in ignored ? ignored.reason : '').toMatch(/^mailbox type "\w{1,100}…?" is not mail$/);
    },
  );

  it('refuses what has no mailbox', () => {
    bad({ ...messageNew, uri: undefined }, 'uri is missing: expected a string');
    bad({ ...messageNew, uri: 5 }, 'uri: expected a string, got a number');
    bad(
      { ...messageNew, uri: 'imap://mail.example.org/user/%ff' },
      /^uri "imap:.*": expected percent-encoded UTF-8/,
    );
    bad({ ...messageNew, uri: 'imap://mail.example.org/user/a%00' }, /^uri "imap:.*": .*NUL/);
    bad({ ...messageNew, uri: 'imap://mail.example.org/user/a\0' }, /^uri "imap:.*": .*NUL/);
    bad({ ...messageNew, uri: `imap://x/user//${'y'.repeat(5000)}` }, /^.{1,200}$/);
    bad({ ...messageNew, user: '\0' }, 'user: expected text without NUL');
    bad({ ...messageNew, 'vnd.cmu.mbtype': 1 }, 'vnd.cmu.mbtype: expected a string, got a number');
    bad({ ...move, oldMailboxID: undefined }, 'oldMailboxID is missing: expected a string');
    bad({ ...move, oldMailboxID: 'vvbwphh0smqycvmpaponupqz' }, /^oldMailboxID "vv.*": expected imap:/);
    bad({ ...messageNew, event: 'FlagsClear' }, 'flagNames is missing: expected a string');
    bad(
      { ...messageNew, event: 'FlagsClear', flagNames: ['\\Seen'] },
      'flagNames: expected a string, got a list',
    );
  });
});

describe('other events', () => {
  it.each(['MailboxModseq', 'MailboxSubscribe', 'Login', '', 'constructor'])(
    '%j is ignored without a look at the rest',
    (event) => {
      const untouchable = new Proxy<Record<string, unknown>>(
        { event },
        { get: (target, key) => (key === 'event' ? target['event'] : expect.unreachable(String(key))) },
      );
      const reason = 'not an event that Mail is told of';
      expect(parse(untouchable)).toEqual({ kind: 'ignored', name: event, reason });
    },
  );

  it('are not named at any length', () => {
    const parsed = parse({ event: 'x'.repeat(1e6) });
    expect('name' in parsed ? parsed.name.length : 0).toBe(101);
  });

  it('need a name', () => {
    bad({ event: 1 }, 'event: expected a string, got a number');
  });
});

it('gives a result for anything', () => {
  const event = fc.constantFrom('ApplePushService', 'MessageNew', 'vnd.cmu.MessageMove', 'FlagsClear');
  const rest = fc.record(
    { user: fc.anything(), uri: fc.anything(), oldMailboxID: fc.anything(), flagNames: fc.anything() },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(event, rest, (name, value) => {
      expect(parse({ event: name, ...value }).kind).toMatch(/^(?:bad|change)$/);
    }),
  );
});
