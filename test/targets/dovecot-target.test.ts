import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseEvent } from '../../src/events/parse.ts';
import { type CyrusNamespace, DEFAULT_NAMESPACE } from '../../src/mailboxes/cyrus-namespace.ts';
import type { Mailbox } from '../../src/mailboxes/mailbox.ts';
import { comparableUser } from '../../src/mailboxes/user-name.ts';
import { type Admission, admit, type RegistrationRules } from '../../src/targets/target.ts';

/** A namespace that would read every name below as something else. */
const DOTS: CyrusNamespace = {
  ...DEFAULT_NAMESPACE,
  separator: '.',
  altNamespace: false,
  virtualDomains: true,
};

const RULES: RegistrationRules = {
  users: { lowercase: true, domain: 'keep' },
  sharedMailboxes: false,
  namespace: DOTS,
  topic: 'com.apple.mail.XServer.test',
};

const folder = new URL('../fixtures/dovecot/', import.meta.url);
const table = JSON.parse(readFileSync(new URL('expectations.json', folder), 'utf8')) as {
  files: { file: string; shape: string; user: string; names: string[]; mailboxes: string[] }[];
};

function captured(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Record<string, unknown>;
}

function admission(
  file: string,
  changes: Record<string, unknown> = {},
  rules: Partial<RegistrationRules> = {},
): Admission {
  const [event] = parseEvent({ ...captured(file), ...changes }, () => DOTS);
  if (event?.kind !== 'registration') throw new Error(`${file} is no registration`);
  return admit(event, { ...RULES, ...rules });
}

function subscriptions(result: Admission): unknown {
  return 'refused' in result ? result : result.target.subscriptions;
}

/** The mailboxes that these events concern, as they are looked up. */
function told(value: unknown): Mailbox[] {
  return parseEvent(value, () => DOTS).flatMap((event) =>
    event.kind === 'change'
      ? event.mailboxes.map(({ owner, path }) => ({ owner: comparableUser(owner, RULES.users), path }))
      : [],
  );
}

describe('captured registrations by the XAPS plugin', () => {
  const rows = table.files.filter(({ shape }) => shape === 'xaps-register');

  test.each(rows.filter(({ names }) => names.length > 0))(
    '$file is admitted',
    ({ file, user, names, mailboxes }) => {
      const want = mailboxes.map((path, index) => ({
        owner: user,
        path,
        name: names[index],
        hash: undefined,
      }));
      const result = admission(file);
      expect(subscriptions(result)).toEqual(want);
      const target = { user, source: 'xaps', apsVersion: 2, topic: RULES.topic };
      expect(result).toMatchObject({ droppedMailboxes: 0, target });
    },
  );

  test.each(rows.filter(({ names }) => names.length === 0))('$file is refused', ({ file }) => {
    expect(admission(file)).toMatchObject({ refused: expect.stringMatching(/names no mailbox/) as string });
  });
});

describe('a registration by the XAPS plugin', () => {
  const file = 'xaps-register-02-quoted-nonascii.json';

  test('knows nothing of a Cyrus namespace', () => {
    const Mailboxes = ['user.bob', 'Other Users/bob', 'shared', 'inbox', 'INBOX', 'a.b@example.org', 'a//b'];
    const paths = ['user.bob', 'Other Users/bob', 'shared', 'INBOX', 'a.b@example.org', 'a//b'];
    const want = paths.map((path) => ({ owner: 'alice', path }));
    expect(subscriptions(admission(file, { Mailboxes }))).toMatchObject(want);
  });

  test('loses names that are none, and counts them', () => {
    const result = admission(file, { Mailboxes: ['', 'A&B', 'a\0', 'INBOX', '\ud83d'] });
    expect(subscriptions(result)).toMatchObject([{ path: 'INBOX' }]);
    expect(result).toMatchObject({ droppedMailboxes: 4 });
    expect(admission(file, { Mailboxes: ['', 'A&B'] })).toMatchObject({
      refused: expect.stringMatching(/names no mailbox/) as string,
    });
  });

  test('follows the rules for users', () => {
    const john = { Username: 'John@Example.org', Mailboxes: ['INBOX'] };
    const owners = (users: RegistrationRules['users']): unknown => {
      const result = admission(file, john, { users });
      return 'target' in result && [result.target.user, result.target.subscriptions[0]?.owner];
    };
    expect(owners({ lowercase: true, domain: 'keep' })).toEqual(['john@example.org', 'john@example.org']);
    expect(owners({ lowercase: false, domain: 'keep' })).toEqual(['John@Example.org', 'John@Example.org']);
    expect(owners({ lowercase: true, domain: 'strip' })).toEqual(['john', 'john']);
  });

  const Mailboxes = ['InBox', 'Entw&APw-rfe', 'Entw&-APw-rfe', '&ZeVnLIqe-'];
  const drivers: [driver: string, event: (user: string, mailbox: string) => unknown][] = [
    ['our Lua scripts', (user, mailbox) => ({ dovecot: 1, user, events: [{ name: 'MessageNew', mailbox }] })],
    ['another Lua script', (user, mailbox) => ({ name: 'MessageNew', user, mailbox, uid: 1 })],
    ['the OX driver', (user, folder) => ({ user, event: 'messageNew', folder })],
    ['the XAPS plugin', (Username, Mailbox) => ({ Username, Mailbox, Events: ['MessageNew'] })],
  ];
  test.each(drivers)('hears of its mailboxes by %s', (_, event) => {
    const result = admission(file, { Username: 'Alice', Mailboxes });
    const subscribed = 'target' in result ? result.target.subscriptions : [];
    const mailboxes = ['INBOX', 'Entwürfe', 'Entw&APw-rfe', '日本語'].flatMap((name) =>
      told(event('alice', name)),
    );
    expect(mailboxes).toEqual(subscribed.map(({ owner, path }) => ({ owner, path })));
    expect(told(event('ALICE', 'inbox'))).toEqual([{ owner: 'alice', path: 'INBOX' }]);
    expect(told(event('bob', 'INBOX'))).not.toEqual([{ owner: 'alice', path: 'INBOX' }]);
  });
});
