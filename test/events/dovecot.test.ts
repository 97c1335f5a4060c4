import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDovecotEvent, parseDovecotTransaction } from '../../src/events/dovecot.ts';

type Json = Record<string, unknown>;

const NEVER = 'not an event that Mail is told of';
const messageNew = { name: 'MessageNew', mailbox: 'INBOX' };
const flagsClear = { name: 'FlagsClear', mailbox: 'INBOX', flags: ['\\Seen'] };

function transaction(...events: unknown[]): Json {
  return { dovecot: 1, user: 'alice', events };
}

function change(name: string, path = 'INBOX', flags?: string[]): unknown {
  const plain = { kind: 'change', source: 'dovecot', name, mailboxes: [{ owner: 'alice', path }] };
  return flags === undefined ? plain : { ...plain, flags };
}

describe('a transaction of our Lua scripts', () => {
  function good(value: Json, want: unknown[]): void {
    expect(parseDovecotTransaction(value)).toEqual(want);
  }

  function bad(value: Json, ...reasons: string[]): void {
    expect(parseDovecotTransaction(value)).toEqual(reasons.map((reason) => ({ kind: 'bad', reason })));
  }

  it('gives a result for each event', () => {
    good(transaction(messageNew, flagsClear), [
      change('MessageNew'),
      change('FlagsClear', 'INBOX', ['\\Seen']),
    ]);
  });

  it.each(['MessageNew', 'MessageAppend', 'MessageRead', 'MessageTrash', 'MessageExpunge'])(
    'knows %s',
    (name) => {
      good(transaction({ name, mailbox: 'Entwürfe/😀' }), [change(name, 'Entwürfe/😀')]);
    },
  );

  it('tells of one change once, however many messages it was', () => {
    const spam = { name: 'MessageNew', mailbox: 'Spam' };
    const flagged = { ...flagsClear, flags: ['\\Flagged'] };
    good(transaction(messageNew, spam, messageNew, { ...messageNew, mailbox: 'inbox', uid: 2 }), [
      change('MessageNew'),
      change('MessageNew', 'Spam'),
    ]);
    good(transaction(flagged, flagsClear, flagged, flagsClear), [
      change('FlagsClear', 'INBOX', ['\\Flagged']),
      change('FlagsClear', 'INBOX', ['\\Seen']),
    ]);
  });

  it('passes over keys that it does not know', () => {
    const event = { ...messageNew, user: 'mallory', subject: 7, flags: 'none' };
    good({ ...transaction(event), host: 'mail', session: 1 }, [change('MessageNew')]);
  });

  it.each([
    'MailboxCreate',
    'MessageCopy',
    'MessageMove',
    'vnd.cmu.MessageMove',
    'messageNew',
    '',
    '__proto__',
  ])('ignores %j, whatever else it says', (name) => {
    const untold = { kind: 'ignored', name, reason: NEVER };
    good(transaction({ name, mailbox: 1 }, { name }, messageNew), [untold, change('MessageNew')]);
  });

  it('leaves the events beside a bad one good', () => {
    expect(
      parseDovecotTransaction(transaction(messageNew, { name: 'MessageNew' }, flagsClear)),
    ).toMatchObject([
      { kind: 'change' },
      { kind: 'bad', reason: 'events[1].mailbox is missing: expected a string' },
      { kind: 'change' },
    ]);
  });

  it('refuses a version that it does not know', () => {
    const known = 'dovecot: expected version 1, the only one known here, got';
    bad({ ...transaction(messageNew), dovecot: 2 }, `${known} 2`);
    bad({ ...transaction(messageNew), dovecot: 0 }, `${known} 0`);
    bad({ ...transaction(messageNew), dovecot: '1' }, 'dovecot: expected version 1, got a string');
    bad({ ...transaction(messageNew), dovecot: 1.5 }, 'dovecot: expected version 1, got a number');
    bad({ ...transaction(messageNew), dovecot: true }, 'dovecot: expected version 1, got a boolean');
  });

  it('refuses what has no user', () => {
    bad({ ...transaction(messageNew), user: undefined }, 'user is missing: expected a string');
    bad({ ...transaction(messageNew), user: ['alice'] }, 'user: expected a string, got a list');
    bad({ ...transaction(messageNew), user: '' }, 'user: expected a name, got empty text');
    const unstorable = 'user: expected text without NUL characters and halves of surrogate pairs';
    bad({ ...transaction(messageNew), user: 'al\0ice' }, unstorable);
    bad({ ...transaction(messageNew), user: 'al\udc00ice' }, unstorable);
  });

  it('refuses what is no list of events', () => {
    bad({ dovecot: 1, user: 'alice' }, 'events is missing: expected a list of events');
    bad({ ...transaction(), events: messageNew }, 'events: expected a list of events, got an object');
    bad(transaction(), 'events: expected at least one event, got an empty list');
    bad(
      transaction(null, 'MessageNew', [messageNew], {}),
      'events[0]: expected an object, got null',
      'events[1]: expected an object, got a string',
      'events[2]: expected an object, got a list',
      'events[3].name is missing: expected a string',
    );
  });
});

describe('an event table of the Lua driver', () => {
  const table = { ...messageNew, user: 'alice', uid: 1.0, uid_validity: 1795174657.0, flags: [] };

  function bad(value: Json, reason: string): void {
    expect(parseDovecotEvent(value)).toEqual({ kind: 'bad', reason });
  }

  it('is a change', () => {
    expect(parseDovecotEvent(table)).toEqual(change('MessageNew'));
    expect(
      parseDovecotEvent(
        JSON.parse('{"name":"MessageRead","user":"alice","mailbox":"Inbox","uid":1.0}') as Json,
      ),
    ).toEqual(change('MessageRead'));
  });

  it.each([
    [['\\Seen'], ['\\Seen']],
    [
      ['\\Flagged', 'mykw'],
      ['\\Flagged', 'mykw'],
    ],
    [[], []],
    [{}, []],
  ])('FlagsClear of %j', (flags, list) => {
    const cleared = { ...table, name: 'FlagsClear', flags, flags_old: ['\\Seen', '\\Flagged'] };
    expect(parseDovecotEvent(cleared)).toEqual(change('FlagsClear', 'INBOX', list));
  });

  it('says of a delivery, and of nothing else, that its user has sent it', () => {
    expect(parseDovecotEvent({ ...table, own: true })).toEqual({
      ...(change('MessageNew') as object),
      isOwn: true,
    });
    expect(parseDovecotEvent({ ...table, name: 'MessageRead', own: true })).toEqual(change('MessageRead'));
    bad({ ...table, own: 'yes' }, 'own: expected true, got a string');
  });

  it('is not told of at any length', () => {
    const ignored = parseDovecotEvent({ name: 'x'.repeat(1e6) });
    expect('name' in ignored ? ignored.name.length : 0).toBe(101);
  });

  it('needs a name, a user and a mailbox', () => {
    bad({ ...table, name: undefined }, 'name is missing: expected a string');
    bad({ ...table, name: 1 }, 'name: expected a string, got a number');
    bad({ ...table, user: undefined }, 'user is missing: expected a string');
    bad({ ...table, mailbox: null }, 'mailbox: expected a string, got null');
    bad({ ...table, mailbox: '' }, 'mailbox: expected a name, got empty text');
    const unstorable = 'mailbox: expected text without NUL characters and halves of surrogate pairs';
    bad({ ...table, mailbox: 'a\0' }, unstorable);
    bad({ ...table, mailbox: 'a\ud83d' }, unstorable);
  });

  it('says which flags FlagsClear cleared', () => {
    const clear = { ...table, name: 'FlagsClear' };
    bad({ ...clear, flags: undefined }, 'flags is missing: expected a list of strings');
    bad({ ...clear, flags: '\\Seen' }, 'flags: expected a list of strings, got a string');
    bad({ ...clear, flags: 32 }, 'flags: expected a list of strings, got a number');
    bad({ ...clear, flags: { 1: '\\Seen' } }, 'flags: expected a list of strings, got an object');
    bad({ ...clear, flags: ['\\Seen', 1] }, 'flags: expected a list of strings, got other values in it');
  });
});

it('gives a result for anything', () => {
  const name = fc.oneof(fc.constantFrom('MessageNew', 'FlagsClear', 'FlagsSet'), fc.anything());
  const event = fc.record({ name, mailbox: fc.anything(), flags: fc.anything() }, { requiredKeys: ['name'] });
  const user = fc.oneof(fc.constant('alice'), fc.anything());
  fc.assert(
    fc.property(fc.array(fc.oneof(event, fc.anything()), { minLength: 1 }), user, (events, whose) => {
      const results = parseDovecotTransaction({ dovecot: 1, user: whose, events });
      expect(results.length).toBeGreaterThan(0);
      for (const result of results) expect(result.kind).toMatch(/^(?:bad|change|ignored)$/);
    }),
  );
});
