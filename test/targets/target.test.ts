import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Registration } from '../../src/events/mail-event.ts';
import { parseEvent } from '../../src/events/parse.ts';
import { type CyrusNamespace, DEFAULT_NAMESPACE } from '../../src/mailboxes/cyrus-namespace.ts';
import { type Admission, admit, type NewTarget, type RegistrationRules } from '../../src/targets/target.ts';
import { ACCOUNT_ID, captured, DEVICE_TOKEN } from '../support/events.ts';

const RULES: RegistrationRules = {
  users: { lowercase: true, domain: 'keep' },
  sharedMailboxes: false,
  namespace: DEFAULT_NAMESPACE,
  topic: 'com.apple.mail.XServer.test',
};

const DOTS: CyrusNamespace = { ...DEFAULT_NAMESPACE, separator: '.', altNamespace: false };

const REGISTRATION: Registration = {
  kind: 'registration',
  source: 'cyrus',
  user: 'alice',
  accountId: ACCOUNT_ID,
  deviceToken: DEVICE_TOKEN,
  subtopic: 'com.apple.mobilemail',
  apsVersion: 2,
  mailboxes: ['INBOX', 'Archive'],
};

function capturedRegistration(file: string): Registration {
  const [event] = parseEvent(JSON.parse(captured(file).toString()), () => DEFAULT_NAMESPACE);
  if (event?.kind !== 'registration') throw new Error(`${file} is no registration`);
  return event;
}

function admission(changes: Partial<Registration>, rules: Partial<RegistrationRules> = {}): Admission {
  return admit({ ...REGISTRATION, ...changes }, { ...RULES, ...rules });
}

function admitted(changes: Partial<Registration>, rules: Partial<RegistrationRules> = {}): NewTarget {
  const result = admission(changes, rules);
  if ('refused' in result) throw new Error(result.refused);
  return result.target;
}

function mailboxesOf({ subscriptions }: NewTarget): string[] {
  return subscriptions.map(({ owner, path }) => `${owner}:${path}`);
}

function md5(name: string): string {
  return createHash('md5').update(name).digest('hex');
}

describe('a registration that is admitted', () => {
  test('keeps what it said, but the user and the token made comparable', () => {
    const target = admitted({ user: 'Alice', deviceToken: DEVICE_TOKEN.toUpperCase(), apsVersion: 7 });
    expect(target).toEqual({
      user: 'alice',
      deviceToken: DEVICE_TOKEN,
      accountId: ACCOUNT_ID,
      subtopic: 'com.apple.mobilemail',
      apsVersion: 7,
      topic: RULES.topic,
      source: 'cyrus',
      subscriptions: [
        { owner: 'alice', path: 'INBOX', name: 'INBOX', hash: md5('INBOX') },
        { owner: 'alice', path: 'Archive', name: 'Archive', hash: md5('Archive') },
      ],
    });
  });

  test.each([
    ['cyrus', 'http'],
    ['dovecot', 'http'],
    ['xaps', 'xaps'],
  ] as const)(
    'in the shape of %s that comes by HTTP is of the source %s, and the same else',
    (shape, source) => {
      expect(admitted({ source: shape }, { byHttp: true })).toEqual({
        ...admitted({ source: shape }),
        source,
      });
      expect(admitted({ source: shape }, { byHttp: false }).source).toBe(shape);
    },
  );

  test('keeps the case of account ids and mailbox names', () => {
    const target = admitted({ accountId: 'abcDEF-0123456789', mailboxes: ['ArCHive'] });
    expect(target.accountId).toBe('abcDEF-0123456789');
    expect(target.subscriptions).toMatchObject([{ path: 'ArCHive', name: 'ArCHive', hash: md5('ArCHive') }]);
  });

  test('follows the rules for users, for the owners of mailboxes too', () => {
    const namespace = { ...DEFAULT_NAMESPACE, virtualDomains: true };
    const keep = admitted(
      { user: 'John@Example.org' },
      { namespace, users: { lowercase: false, domain: 'keep' } },
    );
    expect([keep.user, ...mailboxesOf(keep)]).toEqual([
      'John@Example.org',
      'John@Example.org:INBOX',
      'John@Example.org:Archive',
    ]);
    const strip = admitted(
      { user: 'John@Example.org' },
      { namespace, users: { lowercase: true, domain: 'strip' } },
    );
    expect([strip.user, ...mailboxesOf(strip)]).toEqual(['john', 'john:INBOX', 'john:Archive']);
  });

  test('of version 1 means INBOX, whatever it names, and gets no hash', () => {
    for (const mailboxes of [[], ['Archive'], ['INBOX']])
      expect(admitted({ apsVersion: 1, mailboxes }).subscriptions).toEqual([
        { owner: 'alice', path: 'INBOX', name: 'INBOX', hash: undefined },
      ]);
  });

  test.each(['dovecot', 'xaps'] as const)('gets no hashes from %s, which echoes no names', (source) => {
    expect(admitted({ source }).subscriptions.map(({ hash }) => hash)).toEqual([undefined, undefined]);
  });

  test('gets hashes from an XAPS plugin that names mailboxes, of what the phone wrote', () => {
    const mailboxes = ['inbox', 'Entw&APw-rfe'];
    const { subscriptions } = admitted({ source: 'xaps', mailboxes }, { pluginNamesMailboxes: true });
    expect(subscriptions).toEqual([
      { owner: 'alice', path: 'INBOX', name: 'inbox', hash: md5('inbox') },
      { owner: 'alice', path: 'Entwürfe', name: 'Entw&APw-rfe', hash: md5('Entwürfe') },
    ]);
  });

  test.each(['dovecot-plugin', 'other'] as const)(
    'by %s has the path of events, and the hash of what was told',
    (source) => {
      const vnames = new Map([['Inbox.Ro&AwA-t', 'INBOX.Röt']]);
      const { subscriptions } = admitted({ source, mailboxes: ['inbox', 'Inbox.Ro&AwA-t', '&&'], vnames });
      expect(subscriptions).toEqual([
        { owner: 'alice', path: 'INBOX', name: 'inbox', hash: md5('inbox') },
        { owner: 'alice', path: 'INBOX.Röt', name: 'Inbox.Ro&AwA-t', hash: md5('Inbox.Ro\u0300t') },
      ]);
    },
  );

  const NAMESPACES = [
    { prefix: 'shared/%u/', owner: '%u', ownPrefix: '' },
    { prefix: 'Public/', owner: undefined, ownPrefix: '' },
  ];
  const FOREIGN = ['INBOX', 'shared/Bob/INBOX', 'shared/bob/Entw&APw-rfe', 'Public/News', 'shared/bob'];

  test('in a namespace of Dovecot is that of its owner, by the hash of what was told', () => {
    const rules = { dovecotNamespaces: NAMESPACES, sharedMailboxes: true };
    const { subscriptions } = admitted({ source: 'dovecot-plugin', mailboxes: FOREIGN }, rules);
    expect(subscriptions).toEqual([
      { owner: 'alice', path: 'INBOX', name: 'INBOX', hash: md5('INBOX') },
      { owner: 'bob', path: 'INBOX', name: 'shared/Bob/INBOX', hash: md5('shared/Bob/INBOX') },
      { owner: 'bob', path: 'Entwürfe', name: 'shared/bob/Entw&APw-rfe', hash: md5('shared/bob/Entwürfe') },
      { owner: '', path: 'Public/News', name: 'Public/News', hash: md5('Public/News') },
    ]);
  });

  test.each([
    ['without shared_mailboxes', 'dovecot-plugin', false],
    ['by an XAPS plugin, which asks for no rights', 'xaps', true],
  ] as const)('in a namespace of others is not heard of %s', (_, source, sharedMailboxes) => {
    const rules = { dovecotNamespaces: NAMESPACES, sharedMailboxes, pluginNamesMailboxes: true };
    expect(mailboxesOf(admitted({ source, mailboxes: FOREIGN }, rules))).toEqual(['alice:INBOX']);
  });

  test('names a mailbox once: INBOX in any case, others with their case', () => {
    const mailboxes = ['inbox', 'INBOX', 'Inbox', 'Archive', 'archive', 'Archive'];
    const target = admitted({ mailboxes });
    expect(mailboxesOf(target)).toEqual(['alice:INBOX', 'alice:Archive', 'alice:archive']);
    // The name that the server echoes first is the one to hash.
    expect(target.subscriptions[0]).toMatchObject({ name: 'inbox', hash: md5('inbox') });
  });

  test('loses mailboxes that are not the user’s own, and counts them', () => {
    const mailboxes = ['INBOX', 'Other Users/bob', 'Shared Folders/team', '&&', 'a//b'];
    expect(admission({ mailboxes })).toMatchObject({ droppedMailboxes: 4, target: { subscriptions: [{}] } });
    const all = admission({ mailboxes }, { sharedMailboxes: true });
    expect(all).toMatchObject({ droppedMailboxes: 2 });
    expect('target' in all ? mailboxesOf(all.target) : []).toEqual(['alice:INBOX', 'bob:INBOX', ':team']);
  });
});

describe('captured registrations', () => {
  const good: [file: string, want: string[], rules?: Partial<RegistrationRules>][] = [
    ['0025-ApplePushService-aps-v2.json', ['alice:INBOX', 'alice:Archive', 'alice:Trash', 'alice:Sent']],
    ['0033-ApplePushService-aps-v1.json', ['alice:INBOX']],
    ['0034-ApplePushService-aps-v1-no-mailboxes.json', ['alice:INBOX']],
    ['0040-ApplePushService-aps-upper-token.json', ['alice:INBOX']],
    ['0058-ApplePushService-aps-other-acl.json', ['bob:INBOX']],
    [
      '0058-ApplePushService-aps-other-acl.json',
      ['bob:INBOX', 'alice:INBOX', 'alice:Archive', 'alice:ärger', ':shared'],
      { sharedMailboxes: true },
    ],
    [
      '1125-ApplePushService-C-aps.json',
      ['INBOX', 'Archive', 'ärger', 'With Space', 'Deep.down', 'Kid', 'v1^2'].map((name) =>
        name === 'INBOX' ? 'alice:INBOX' : `alice:INBOX.${name}`,
      ),
      { namespace: DOTS },
    ],
    ['1159-ApplePushService-C-aps-other.json', ['bob:INBOX'], { namespace: DOTS }],
    [
      '1267-ApplePushService-D-aps-john.json',
      ['john@example.org:INBOX', 'john@example.org:Archive', 'john@example.org:ärger'],
      { namespace: { ...DEFAULT_NAMESPACE, virtualDomains: true, defaultDomain: 'example.com' } },
    ],
  ];
  test.each(good)('%s is admitted', (file, want, rules = {}) => {
    const result = admit(capturedRegistration(file), { ...RULES, ...rules });
    expect('target' in result ? mailboxesOf(result.target) : result).toEqual(want);
    expect(result).toMatchObject({ target: { deviceToken: DEVICE_TOKEN, accountId: ACCOUNT_ID } });
  });

  test('a folder is hashed by its decoded name', () => {
    const result = admit(capturedRegistration('0029-ApplePushService-aps-v2-raw-utf8.json'), RULES);
    expect(result).toMatchObject({ target: { subscriptions: [{ name: '&AOQ-rger', hash: md5('ärger') }] } });
  });

  const bad: [file: string, why: RegExp][] = [
    ['0031-ApplePushService-aps-v2-only-nonexistent.json', /names no mailbox of its own/],
    ['0032-ApplePushService-aps-v2-empty-list.json', /names no mailbox of its own/],
    ['0042-ApplePushService-aps-badtoken.json', /device token of 19 characters that is none/],
    ['0043-ApplePushService-aps-acct-utf8.json', /account id of \d+ characters that is none/],
    ['0044-ApplePushService-aps-tab-in-acct.json', /subtopic "x", expected com\.apple\.mobilemail/],
    ['0046-ApplePushService-aps-err-dup-key.json', /subtopic "S", expected com\.apple\.mobilemail/],
  ];
  test.each(bad)('%s is refused', (file, why) => {
    const registration = capturedRegistration(file);
    expect(admit(registration, RULES)).toEqual({
      fault: expect.any(String) as string,
      refused: expect.stringMatching(why) as string,
      hint: expect.any(String) as string,
    });
  });
});

describe('a registration that is refused', () => {
  const bad = (title: string, changes: Partial<Registration>, why: RegExp): void => {
    test(title, () => {
      expect(admission(changes)).toEqual({
        fault: expect.any(String) as string,
        refused: expect.stringMatching(why) as string,
        hint: expect.any(String) as string,
      });
    });
  };
  bad('has no user', { user: '' }, /without a user name/);
  bad('is of another app', { subtopic: 'com.apple.calendar' }, /subtopic "com\.apple\.calendar", expected/);
  bad(
    'has a subtopic in another case',
    { subtopic: 'com.apple.MobileMail' },
    /expected com\.apple\.mobilemail/,
  );
  bad('has an empty token', { deviceToken: '' }, /device token of 0 characters/);
  bad('has a token of half a byte', { deviceToken: DEVICE_TOKEN.slice(1) }, /device token of 63 characters/);
  bad('has a short token', { deviceToken: DEVICE_TOKEN.slice(0, 30) }, /device token of 30 characters/);
  bad('has an endless token', { deviceToken: 'ab'.repeat(201) }, /device token of 402 characters/);
  bad('has a token with a newline', { deviceToken: `${DEVICE_TOKEN}\n` }, /device token of 65 characters/);
  bad('has an empty account id', { accountId: '' }, /account id of 0 characters/);
  bad('has an account id with a quote', { accountId: `${ACCOUNT_ID}"` }, /account id of 37 characters/);
  bad('names only mailboxes of others', { mailboxes: ['Other Users/bob'] }, /names no mailbox of its own/);
  bad('names nothing that is a mailbox', { mailboxes: ['', '&', '\0'] }, /names no mailbox of its own/);

  test('nothing that Apple knows a device by is in its message', () => {
    const id = fc.string({ minLength: 12, unit: fc.constantFrom(...Array.from('0123456789abcdefXYZ /"\n')) });
    fc.assert(
      fc.property(id, id, fc.boolean(), (deviceToken, accountId, otherApp) => {
        const subtopic = otherApp ? 'com.example.app' : REGISTRATION.subtopic;
        const result = admission({ deviceToken, accountId, subtopic, mailboxes: [] });
        if (!('refused' in result)) throw new Error('expected a refusal');
        const told = `${result.refused} ${result.hint}`;
        expect(told).not.toContain(deviceToken);
        expect(told).not.toContain(accountId);
      }),
    );
  });
});

test('whatever comes, what is admitted is well-formed', () => {
  const text = fc.oneof(fc.string(), fc.constantFrom('INBOX', 'Archive', '&AOQ-rger', 'Other Users/bob', ''));
  const registration = fc.record({
    kind: fc.constant('registration' as const),
    source: fc.constantFrom('cyrus' as const, 'dovecot' as const),
    user: fc.oneof(fc.string(), fc.constant('alice')),
    accountId: fc.oneof(fc.string(), fc.uuid()),
    deviceToken: fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-fA-F]{64}$/)),
    subtopic: fc.oneof(fc.string(), fc.constant('com.apple.mobilemail')),
    apsVersion: fc.integer(),
    mailboxes: fc.array(text),
  });
  fc.assert(
    fc.property(registration, fc.boolean(), (value, sharedMailboxes) => {
      const result = admit(value, { ...RULES, sharedMailboxes });
      if ('refused' in result) return;
      const { target } = result;
      expect(target.deviceToken).toMatch(/^[0-9a-f]{32,400}$/);
      expect(target.subscriptions.length).toBeGreaterThan(0);
      expect(new Set(mailboxesOf(target)).size).toBe(target.subscriptions.length);
      if (!sharedMailboxes)
        expect(target.subscriptions.every(({ owner }) => owner === target.user)).toBe(true);
    }),
  );
});

describe('limits', () => {
  test.each([
    ['a user of 1,025 bytes', { user: `${'u'.repeat(1023)}\u00fc` }, /1025 bytes, expected at most 1024/],
    ['1,001 mailboxes', { mailboxes: Array.from({ length: 1001 }, (_, n) => `m${n}`) }, /1001 mailboxes/],
    ['a mailbox of 4,097 bytes', { mailboxes: ['INBOX', 'm'.repeat(4097)] }, /4097 bytes/],
    [
      'a mailbox whose name in events has 4,097 bytes',
      { source: 'dovecot-plugin' as const, vnames: new Map([['INBOX', 'm'.repeat(4097)]]) },
      /4097 bytes/,
    ],
  ])('%s is told with what was expected', (_, changes, text) => {
    expect(admission(changes)).toMatchObject({ refused: expect.stringMatching(text) as string });
  });

  test('as many and as long as is allowed', () => {
    const mailboxes = Array.from({ length: 999 }, (_, n) => `m${n}`).concat('m'.repeat(4096));
    expect(admission({ user: 'u'.repeat(1024), mailboxes })).toHaveProperty('target');
  });
});
