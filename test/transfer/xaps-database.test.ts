import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { databaseItems, xapsItems } from '../../src/transfer/xaps-database.ts';
import { ACCOUNT_ID, DEVICE_TOKEN } from '../support/events.ts';

/** What is told of each account: user, account id, token, mailboxes, time; or the fault. */
function told(value: unknown): unknown {
  return xapsItems(value)?.map((item) => {
    if ('fault' in item) return `${item.place} ${item.user ?? ''}: ${item.fault.reason}`;
    if (item.claim.kind !== 'registration') throw new Error('not a registration');
    const { registration, renewedMs, registeredMs } = item.claim;
    expect(registration).toMatchObject({ source: 'xaps', apsVersion: 2, subtopic: 'com.apple.mobilemail' });
    expect(registeredMs).toBe(renewedMs);
    const { user, accountId, deviceToken, mailboxes } = registration;
    return [item.place, user, accountId, deviceToken, mailboxes.join('|'), renewedMs];
  });
}

const at = (text: string): number => Date.parse(text);

describe('the layouts', () => {
  const good = (title: string, value: unknown, want: unknown): void => {
    test(title, () => {
      expect(told(value)).toEqual(want);
    });
  };
  good(
    'of the daemon in Go, with and without times in one file',
    {
      Users: {
        alice: {
          Accounts: {
            [ACCOUNT_ID]: {
              DeviceToken: DEVICE_TOKEN,
              Mailboxes: ['INBOX', 'Entw&APw-rfe'],
              RegistrationTime: '2024-05-06T07:08:09.123456789+02:00',
            },
            B: { DeviceToken: 'bb', Mailboxes: ['Inbox'] },
          },
        },
        bob: {
          Accounts: { C: { DeviceToken: 'cc', Mailboxes: null, RegistrationTime: '0001-01-01T00:00:00Z' } },
        },
        carol: { Accounts: {} },
        dave: { Accounts: null },
      },
    },
    [
      [1, 'alice', ACCOUNT_ID, DEVICE_TOKEN, 'INBOX|Entw&APw-rfe', at('2024-05-06T05:08:09.123Z')],
      [2, 'alice', 'B', 'bb', 'Inbox', undefined],
      [3, 'bob', 'C', 'cc', '', undefined],
    ],
  );
  good(
    'of the first daemon, in Python: several devices of an account',
    {
      alice: {
        accounts: { A: { devices: { aa: { mailboxes: ['INBOX'] }, bb: { mailboxes: ['INBOX', 'Notes'] } } } },
      },
      bob: { accounts: {} },
    },
    [
      [1, 'alice', 'A', 'aa', 'INBOX', undefined],
      [2, 'alice', 'A', 'bb', 'INBOX|Notes', undefined],
    ],
  );
  good('without anybody', { Users: {} }, []);
  good(
    'with names that every object has',
    JSON.parse(
      '{"Users": {"__proto__": {"Accounts": {"constructor": {"DeviceToken": "aa", "Mailboxes": ["INBOX"]}}}}}',
    ),
    [[1, '__proto__', 'constructor', 'aa', 'INBOX', undefined]],
  );
});

describe('an account that is none does not spoil the others', () => {
  const ok = { DeviceToken: 'aa', Mailboxes: ['INBOX'] };
  const bad = (title: string, account: unknown, why: string): void => {
    test(title, () => {
      expect(told({ Users: { alice: { Accounts: { A: account, B: ok } } } })).toEqual([
        `1 alice: ${why}`,
        [2, 'alice', 'B', 'aa', 'INBOX', undefined],
      ]);
    });
  };
  bad('text', 'x', 'account: expected an object, got a string');
  bad('a list', [], 'account: expected an object, got a list');
  bad('no token', { Mailboxes: ['INBOX'] }, 'DeviceToken is missing: expected a string');
  bad('a token of another type', { ...ok, DeviceToken: 1 }, 'DeviceToken: expected a string, got a number');
  bad(
    'mailboxes of another type',
    { ...ok, Mailboxes: 'INBOX' },
    'Mailboxes: expected a list of strings, got a string',
  );
  bad('other things among mailboxes', { ...ok, Mailboxes: [1] }, 'Mailboxes: expected a list of strings');
  bad(
    'a time that is none',
    { ...ok, RegistrationTime: 'soon' },
    'RegistrationTime: expected a time in ISO 8601, got a string',
  );
  bad(
    'a time of another type',
    { ...ok, RegistrationTime: 5 },
    'RegistrationTime: expected a time in ISO 8601, got a number',
  );

  test('a user without accounts', () => {
    expect(told({ Users: { alice: { Accounts: [] }, bob: 3 } })).toEqual([
      '1 alice: expected an object with Accounts',
      '2 bob: expected an object with Accounts',
    ]);
    expect(told({ alice: { accounts: { A: { devices: 1 }, B: null } } })).toEqual([
      '1 alice: devices: expected an object, got a number',
      '2 alice: devices is missing: expected an object',
    ]);
    expect(told({ alice: { accounts: { A: { devices: { aa: 1 } } } } })).toEqual([
      [1, 'alice', 'A', 'aa', '', undefined],
    ]);
  });
});

describe('no database', () => {
  test.each([
    null,
    1,
    'x',
    [],
    {},
    { Users: [] },
    { Users: null },
    { alice: {} },
    { alice: { accounts: 1 } },
  ])('%j', (value) => {
    expect(xapsItems(value)).toBeUndefined();
  });

  test('nothing makes it fail', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        for (const whole of [
          value,
          { Users: value },
          { Users: { a: { Accounts: value } } },
          { a: { accounts: value } },
        ])
          expect(() => xapsItems(whole)).not.toThrow();
      }),
    );
  });
});

test.each([
  [{ fault: { reason: 'longer than 9 bytes' } }, 'the file is longer than 9 bytes'],
  [{ text: '{"Users":' }, 'this is not a database of dovecot-xaps-daemon'],
  [{ text: '[]' }, 'this is not a database of dovecot-xaps-daemon'],
])('%j is refused', (file, want) => {
  expect(() => databaseItems(file)).toThrow(want);
});
