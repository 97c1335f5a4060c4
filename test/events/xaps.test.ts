import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseXapsNotification, parseXapsRegistration, withToldTopic } from '../../src/events/xaps.ts';

type Json = Record<string, unknown>;

const TOKEN = '80aa34cb0fc0a6cb';
const ACCOUNT = '0715A26B-CA09-4730-A419-793000CA982E';
const UNSTORABLE = 'expected text without NUL characters and halves of surrogate pairs';

const registration = {
  ApsAccountId: ACCOUNT,
  ApsDeviceToken: TOKEN,
  ApsSubtopic: 'com.apple.mobilemail',
  Username: 'alice',
  Mailboxes: ['INBOX', 'Entw&APw-rfe'],
};

describe('a registration by the XAPS plugin', () => {
  function bad(value: Json, reason: string): void {
    expect(parseXapsRegistration(value)).toEqual({ kind: 'bad', reason });
  }

  it('passes every string on as it came', () => {
    expect(parseXapsRegistration({ ...registration, Username: 'Alice', more: 1 })).toEqual({
      kind: 'registration',
      source: 'xaps',
      user: 'Alice',
      accountId: ACCOUNT,
      deviceToken: TOKEN,
      subtopic: 'com.apple.mobilemail',
      apsVersion: 2,
      mailboxes: ['INBOX', 'Entw&APw-rfe'],
    });
    const odd = { ...registration, ApsAccountId: '', ApsDeviceToken: ' X ', ApsSubtopic: '', Mailboxes: [] };
    expect(parseXapsRegistration(odd)).toMatchObject({ accountId: '', deviceToken: ' X ', mailboxes: [] });
  });

  it('says what its device was told where it was kept', () => {
    const kept = withToldTopic(registration, 'com.apple.mail.XServer.test');
    expect(parseXapsRegistration(kept ?? {})).toEqual({
      ...parseXapsRegistration(registration),
      toldTopic: 'com.apple.mail.XServer.test',
    });
    for (const ApsTopic of ['', 7, null, 'a\0'])
      expect(parseXapsRegistration({ ...registration, ApsTopic })).not.toHaveProperty('toldTopic');
    for (const other of [7, null, 'x', [registration], { Username: 'alice' }])
      expect(withToldTopic(other, 'com.apple.mail.XServer.test')).toBeUndefined();
  });

  it.each(Object.keys(registration))('needs %s', (key) => {
    const what = key === 'Mailboxes' ? 'a list of strings' : 'a string';
    bad({ ...registration, [key]: undefined }, `${key} is missing: expected ${what}`);
    bad({ ...registration, [key]: null }, `${key}: expected ${what}, got null`);
    bad({ ...registration, [key]: 7 }, `${key}: expected ${what}, got a number`);
    bad({ ...registration, [key]: {} }, `${key}: expected ${what}, got an object`);
  });

  it('refuses other wrong values', () => {
    bad({ ...registration, Username: '' }, 'Username: expected a name, got empty text');
    bad({ ...registration, Username: 'al\0ice' }, `Username: ${UNSTORABLE}`);
    bad({ ...registration, Username: 'al\ud800ice' }, `Username: ${UNSTORABLE}`);
    bad({ ...registration, Mailboxes: 'INBOX' }, 'Mailboxes: expected a list of strings, got a string');
    bad(
      { ...registration, Mailboxes: ['INBOX', 1] },
      'Mailboxes: expected a list of strings, got other values in it',
    );
  });

  it('never repeats the token and the account id', () => {
    const values = fc.constantFrom<unknown>(undefined, null, 1, '', [TOKEN], { ACCOUNT }, 'a\0');
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(registration)), values, (key, value) => {
        const parsed = parseXapsRegistration({ ...registration, [key]: value });
        const reason = parsed.kind === 'bad' ? parsed.reason : '';
        expect(reason).not.toContain(TOKEN);
        expect(reason).not.toContain(ACCOUNT);
      }),
    );
  });
});

describe('a notification by the XAPS plugin', () => {
  const notification = { Username: 'alice', Mailbox: 'INBOX', Events: ['MessageNew'] };

  function good(value: Json, want: unknown[]): void {
    expect(parseXapsNotification(value)).toEqual(want);
  }

  function bad(value: Json, reason: string): void {
    good(value, [{ kind: 'bad', reason }]);
  }

  function change(name: string, path = 'INBOX'): unknown {
    return { kind: 'change', source: 'xaps', name, mailboxes: [{ owner: 'alice', path }] };
  }

  it('gives a result for each name, and never the flags that were cleared or set', () => {
    good(notification, [change('MessageNew')]);
    good({ ...notification, Mailbox: 'inbox', Events: ['FlagsClear', 'FlagsSet', 'MessageRead'] }, [
      change('FlagsClear'),
      change('FlagsSet'),
      change('MessageRead'),
    ]);
    good({ ...notification, Mailbox: '日本語', Events: ['MessageAppend'] }, [
      change('MessageAppend', '日本語'),
    ]);
  });

  it('gives one result for a name that is there twice', () => {
    good({ ...notification, Events: ['MessageTrash', 'FlagsSet', 'MessageTrash', 'FlagsSet'] }, [
      change('MessageTrash'),
      change('FlagsSet'),
    ]);
  });

  it('takes the name of a mailbox for UTF-8', () => {
    good({ ...notification, Mailbox: 'Entw&APw-rfe' }, [change('MessageNew', 'Entw&APw-rfe')]);
  });

  it('refuses wrong values', () => {
    bad({ ...notification, Username: undefined }, 'Username is missing: expected a string');
    bad({ ...notification, Username: '' }, 'Username: expected a name, got empty text');
    bad({ ...notification, Username: '\0' }, `Username: ${UNSTORABLE}`);
    bad({ ...notification, Mailbox: 5 }, 'Mailbox: expected a string, got a number');
    bad({ ...notification, Mailbox: '' }, 'Mailbox: expected a name, got empty text');
    bad({ ...notification, Mailbox: 'a\udfff' }, `Mailbox: ${UNSTORABLE}`);
    bad({ ...notification, Events: undefined }, 'Events is missing: expected a list of strings');
    bad({ ...notification, Events: 'MessageNew' }, 'Events: expected a list of strings, got a string');
    bad(
      { ...notification, Events: ['MessageNew', 1] },
      'Events: expected a list of strings, got other values in it',
    );
    bad({ ...notification, Events: [] }, 'Events: expected at least one name, got an empty list');
  });

  it('gives a result for anything', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), fc.anything(), (Username, Mailbox, Events) => {
        expect(parseXapsNotification({ Username, Mailbox, Events }).length).toBeGreaterThan(0);
      }),
    );
  });
});
