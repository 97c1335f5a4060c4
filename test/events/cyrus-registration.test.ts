import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCyrusEvent } from '../../src/events/cyrus.ts';
import { DEFAULT_NAMESPACE } from '../../src/mailboxes/cyrus-namespace.ts';

const TOKEN = '80aa34cb0fc0a6cb';
const ACCOUNT = '0715A26B-CA09-4730-A419-793000CA982E';

const registration = {
  event: 'ApplePushService',
  pid: 3837,
  user: 'alice',
  apsVersion: 2,
  apsAccountId: ACCOUNT,
  apsDeviceToken: TOKEN,
  apsSubtopic: 'com.apple.mobilemail',
  mailboxes: ['INBOX', '&AOQ-rger'],
};

function parse(value: Record<string, unknown>): ReturnType<typeof parseCyrusEvent> {
  return parseCyrusEvent(value, () => DEFAULT_NAMESPACE);
}

function bad(value: Record<string, unknown>, reason: string | RegExp): void {
  const parsed = parse(value);
  expect(parsed.kind).toBe('bad');
  expect('reason' in parsed ? parsed.reason : '').toMatch(reason);
}

describe('a registration', () => {
  it('passes every string on as it came', () => {
    const odd = {
      ...registration,
      apsAccountId: '',
      apsDeviceToken: ' X ',
      apsSubtopic: '',
      user: '',
      mailboxes: [],
    };
    expect(parse(odd)).toEqual({
      kind: 'registration',
      source: 'cyrus',
      user: '',
      accountId: '',
      deviceToken: ' X ',
      subtopic: '',
      apsVersion: 2,
      mailboxes: [],
    });
  });

  it('is of version 2 where it says none', () => {
    const { apsVersion, ...rest } = registration;
    expect(parse(rest)).toMatchObject({ apsVersion });
    expect(parse({ ...registration, apsVersion: 1 })).toMatchObject({ apsVersion: 1 });
  });

  it.each(['user', 'apsAccountId', 'apsDeviceToken', 'apsSubtopic', 'mailboxes'])('needs %s', (key) => {
    bad({ ...registration, [key]: undefined }, new RegExp(`^${key} is missing: expected `));
    bad({ ...registration, [key]: null }, new RegExp(`^${key}: expected .*, got null$`));
    bad({ ...registration, [key]: 7 }, new RegExp(`^${key}: expected .*, got a number$`));
    bad({ ...registration, [key]: true }, new RegExp(`^${key}: expected .*, got a boolean$`));
    bad({ ...registration, [key]: {} }, new RegExp(`^${key}: expected .*, got an object$`));
  });

  it('refuses other wrong types', () => {
    bad({ ...registration, user: ['alice'] }, 'user: expected a string, got a list');
    bad({ ...registration, mailboxes: 'INBOX' }, 'mailboxes: expected a list of strings, got a string');
    bad({ ...registration, mailboxes: ['INBOX', 1] }, 'mailboxes: expected a list of strings');
    bad({ ...registration, apsVersion: '2' }, 'apsVersion: expected an integer, got a string');
    bad({ ...registration, apsVersion: 1.5 }, 'apsVersion: expected an integer, got a number');
    bad({ ...registration, user: 'al\0ice' }, 'user: expected text without NUL');
    bad({ ...registration, user: 'al\ud800ice' }, 'user: expected text without NUL');
  });

  it('never repeats the token and the account id', () => {
    const values = fc.constantFrom<unknown>(undefined, null, 1, [TOKEN], { ACCOUNT }, 'text');
    const keys = fc.constantFrom(
      'user',
      'apsAccountId',
      'apsDeviceToken',
      'apsSubtopic',
      'mailboxes',
      'apsVersion',
    );
    fc.assert(
      fc.property(keys, values, (key, value) => {
        const parsed = parse({ ...registration, [key]: value });
        const reason = parsed.kind === 'bad' ? parsed.reason : '';
        expect(reason).not.toContain(TOKEN);
        expect(reason).not.toContain(ACCOUNT);
      }),
    );
  });
});
