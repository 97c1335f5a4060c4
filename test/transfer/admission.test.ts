import { describe, expect, test } from 'vitest';
import type { Registration } from '../../src/events/mail-event.ts';
import { DEFAULT_NAMESPACE } from '../../src/mailboxes/cyrus-namespace.ts';
import type { WholeTarget } from '../../src/targets/record.ts';
import { admitClaim, type TransferRules } from '../../src/transfer/admission.ts';
import type { Claim } from '../../src/transfer/claim.ts';
import { ACCOUNT_ID, DEVICE_TOKEN } from '../support/events.ts';
import { NOW_MS } from '../support/store.ts';
import { exportedTarget, md5 } from './targets.ts';

const RULES: TransferRules = {
  users: { lowercase: true, domain: 'keep' },
  sharedMailboxes: false,
  namespace: DEFAULT_NAMESPACE,
  topic: 'com.apple.mail.configured',
  nowMs: NOW_MS,
};

const REGISTRATION: Registration = {
  kind: 'registration',
  source: 'xaps',
  user: 'Alice',
  accountId: ACCOUNT_ID,
  deviceToken: DEVICE_TOKEN.toUpperCase(),
  subtopic: 'com.apple.mobilemail',
  apsVersion: 2,
  mailboxes: ['inbox', 'Entw&APw-rfe'],
};

function exported(changes: Partial<WholeTarget> = {}): Claim {
  return { kind: 'exported', ...exportedTarget(changes) };
}

function foreign(changes: Partial<Registration> = {}, topic?: string, renewedMs?: number): Claim {
  const registration = { ...REGISTRATION, ...changes };
  return { kind: 'registration', registration, topic, registeredMs: renewedMs, renewedMs };
}

test('a registration of another program: as a phone would have made it', () => {
  expect(admitClaim(foreign({}, undefined, NOW_MS), RULES)).toEqual({
    candidate: {
      target: {
        user: 'alice',
        deviceToken: DEVICE_TOKEN,
        accountId: ACCOUNT_ID,
        subtopic: 'com.apple.mobilemail',
        apsVersion: 2,
        topic: 'com.apple.mail.configured',
        source: 'xaps',
        subscriptions: [
          { owner: 'alice', path: 'INBOX', name: 'inbox', hash: undefined },
          { owner: 'alice', path: 'Entwürfe', name: 'Entw&APw-rfe', hash: undefined },
        ],
      },
      registeredMs: NOW_MS,
      renewedMs: NOW_MS,
      history: undefined,
    },
    droppedMailboxes: 0,
  });
  expect(admitClaim(foreign({}, 'its own'), RULES)).toMatchObject({
    candidate: { target: { topic: 'its own' } },
  });
});

test('an export: as it stands, with its history', () => {
  const { registeredMs, renewedMs, subscriptions } = exportedTarget();
  expect(admitClaim(exported({ failures: 3, lastError: 'Gone', disabledMs: 7 }), RULES)).toMatchObject({
    candidate: {
      target: { user: 'alice', source: 'cyrus', topic: 'com.apple.mail.XServer.test', subscriptions },
      registeredMs,
      renewedMs,
      history: { failures: 3, lastError: 'Gone', disabledMs: 7, lastPushMs: null },
    },
    droppedMailboxes: 0,
  });
});

test('an export under other rules: users made comparable, mailboxes of others left out', () => {
  const subscription = (owner: string, path: string): WholeTarget['subscriptions'][number] => ({
    owner,
    path,
    name: path,
    hash: md5(path),
  });
  const claim = exported({
    user: 'Alice@Example.org',
    deviceToken: DEVICE_TOKEN.toUpperCase(),
    subscriptions: [
      subscription('Alice@Example.org', 'INBOX'),
      subscription('ALICE@example.org', 'INBOX'),
      subscription('bob', 'INBOX'),
      subscription('', 'shared'),
    ],
  });
  const rules: TransferRules = { ...RULES, users: { lowercase: true, domain: 'strip' } };
  expect(admitClaim(claim, rules)).toMatchObject({
    candidate: { target: { user: 'alice', deviceToken: DEVICE_TOKEN, subscriptions: [{ owner: 'alice' }] } },
    droppedMailboxes: 3,
  });
  expect(admitClaim(claim, { ...rules, sharedMailboxes: true })).toMatchObject({
    candidate: { target: { subscriptions: [{ owner: 'alice' }, { owner: 'bob' }, { owner: '' }] } },
    droppedMailboxes: 1,
  });
});

describe('what is refused', () => {
  const bad = (title: string, claim: Claim, why: RegExp): void => {
    test(title, () => {
      const admission = admitClaim(claim, RULES);
      if (!('fault' in admission)) throw new Error('it was admitted');
      expect(admission.fault.reason).toMatch(why);
      expect(JSON.stringify(admission)).not.toContain(DEVICE_TOKEN.slice(0, 8));
    });
  };
  bad('no user', foreign({ user: '' }), /^user: /);
  bad('a user with NUL', foreign({ user: 'a\0b' }), /^user: /);
  bad(
    'another subtopic',
    foreign({ subtopic: 'com.apple.news' }),
    /^subtopic: expected com.apple.mobilemail$/,
  );
  bad(
    'a short token',
    foreign({ deviceToken: DEVICE_TOKEN.slice(0, 30) }),
    /^device token: expected 32 to 400/,
  );
  bad(
    'an account id that is text',
    foreign({ accountId: 'alice at home' }),
    /^account id: expected 16 to 128/,
  );
  bad('no mailbox', foreign({ mailboxes: [] }), /^no mailbox of its own/);
  bad('a mailbox that is no modified UTF-7', foreign({ mailboxes: ['&&'] }), /^no mailbox of its own/);
  bad(
    'a time to come',
    foreign({}, undefined, NOW_MS + 25 * 3600_000),
    /^registered: expected a time from 1970 to now$/,
  );
  bad('a time before computers', foreign({}, undefined, -1), /^registered: expected a time from 1970/);
  bad('an export with another subtopic', exported({ subtopic: 'x' }), /^subtopic: /);
  bad('an export with a bad token', exported({ deviceToken: 'zz' }), /^device token: /);
  bad('an export with a bad account id', exported({ accountId: '' }), /^account id: /);
  bad(
    'an export with mailboxes of others only',
    exported({ subscriptions: [{ owner: 'bob', path: 'a', name: 'a', hash: undefined }] }),
    /^no mailbox/,
  );
  bad('an export without mailboxes', exported({ subscriptions: [] }), /^no mailbox/);
  bad('an export from the future', exported({ renewedMs: NOW_MS * 2 }), /^renewed: expected a time/);
});

describe('limits of an export', () => {
  const [subscription] = exportedTarget().subscriptions;
  const many = (count: number): WholeTarget['subscriptions'] =>
    Array.from({ length: count }, (_, n) => ({ ...subscription!, path: `${n}`, name: `${n}` }));
  const long = (changes: object): Claim => exported({ subscriptions: [{ ...subscription!, ...changes }] });

  // As many bytes of UTF-8 as the longest name in modified UTF-7 may stand for.
  const longestPath = '\u4e00'.repeat(4608 / 3);

  test.each<[string, Claim]>([
    ['a path', long({ path: longestPath })],
    ['a name', long({ name: 'a'.repeat(4096) })],
    ['mailboxes', exported({ subscriptions: many(1000) })],
    ['a user', exported({ user: 'u'.repeat(1024) })],
  ])('%s as long as can be is taken', (_, claim) => {
    expect(admitClaim(claim, RULES)).toHaveProperty('candidate');
  });

  test.each<[string, Claim, string]>([
    ['a path', long({ path: `${longestPath}a` }), 'paths of at most 4608'],
    ['an owner', long({ owner: 'o'.repeat(1025) }), 'owners of at most 1024 bytes'],
    ['a name', long({ name: 'a'.repeat(4097) }), 'names of at most 4096 bytes'],
    ['mailboxes', exported({ subscriptions: many(1001) }), 'at most 1000'],
    ['a user', exported({ user: 'u'.repeat(1025) }), 'at most 1024 bytes'],
    ['mailboxes of another program', foreign({ mailboxes: Array<string>(1001).fill('a') }), 'at most 1000'],
    ['a name of another program', foreign({ mailboxes: ['a'.repeat(4097)] }), 'at most 4096 bytes'],
    ['a user of another program', foreign({ user: 'u'.repeat(1025) }), 'at most 1024 bytes'],
  ])('%s beyond is refused', (_, claim, reason) => {
    const admission = admitClaim(claim, { ...RULES, sharedMailboxes: true });
    expect(admission).toEqual({ fault: { reason: expect.stringContaining(reason) as string } });
  });
});

const KEY = 'alice/unique-id-of-work';
const CALENDAR: Partial<WholeTarget> = {
  accountId: KEY,
  subtopic: 'calendar',
  topic: 'com.apple.calendar.XServer.1',
  expiresMs: NOW_MS + 1,
  subscriptions: [{ owner: '#calendar', path: 'unique-id-of-work', name: KEY, hash: md5('x') }],
};

test('a calendar of an export comes as it is, whosever it is', () => {
  expect(admitClaim(exported({ ...CALENDAR, user: 'Bob' }), RULES)).toMatchObject({
    candidate: { target: { ...CALENDAR, user: 'bob' } },
    droppedMailboxes: 0,
  });
});

test.each<[Partial<WholeTarget>, RegExp]>([
  [{ topic: 'com.apple.mail.XServer.1' }, /^topic: /],
  [{ deviceToken: 'xyz' }, /^device token: /],
  [{ expiresMs: null }, /^expires: /],
  [{ subtopic: 'contacts' }, /^topic: /],
  [{ subscriptions: [{ owner: 'alice', path: 'INBOX', name: 'INBOX', hash: undefined }] }, /^no mailbox/],
])('a calendar of an export with %j is none', (changes, reason) => {
  expect(admitClaim(exported({ ...CALENDAR, ...changes }), RULES)).toMatchObject({
    fault: { reason: expect.stringMatching(reason) as string },
  });
});

test('a device of Mail neither runs out nor asks for calendars', () => {
  const forever = admitClaim(exported({ expiresMs: NOW_MS }), RULES);
  expect(forever).toMatchObject({ fault: { reason: expect.stringMatching(/^expires: /) as string } });
  const subscriptions = [...exportedTarget().subscriptions, ...(CALENDAR.subscriptions ?? [])];
  expect(admitClaim(exported({ subscriptions }), { ...RULES, sharedMailboxes: true })).toMatchObject({
    droppedMailboxes: 1,
  });
});
