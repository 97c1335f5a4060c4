import { expect, test } from 'vitest';
import { parseEvent } from '../../src/events/parse.ts';
import type { MailEvent } from '../../src/events/mail-event.ts';
import { withOwners } from '../../src/intake/owners.ts';
import { DEFAULT_NAMESPACE } from '../../src/mailboxes/cyrus-namespace.ts';
import { captured } from '../support/events.ts';

const SHARED = { prefix: 'shared/%u/', owner: '%u', ownPrefix: '' };
const configured = {
  dovecot: { namespaces: [SHARED, { prefix: 'Public/', owner: undefined, ownPrefix: '' }] },
};

/** `owner:path` of what an event of that JSON concerns. */
function concerned(value: unknown, config: Parameters<typeof withOwners>[1] = configured): string[] {
  return parseEvent(value, () => DEFAULT_NAMESPACE)
    .map((event) => withOwners(event as MailEvent, config))
    .flatMap((event) => (event.kind === 'change' ? event.mailboxes : []))
    .map(({ owner, path }) => `${owner}:${path}`);
}

test.each([
  ['push.lua', (mailbox: string) => ({ dovecot: 1, user: 'bob', events: [{ name: 'MessageNew', mailbox }] })],
  ['another Lua script', (mailbox: string) => ({ name: 'MessageNew', user: 'bob', mailbox, uid: 1 })],
  ['the XAPS plugin', (Mailbox: string) => ({ Username: 'bob', Mailbox, Events: ['MessageNew'] })],
])('what bob does in mailboxes of others, by %s, is theirs', (_, eventIn) => {
  expect(concerned(eventIn('shared/alice/Team'))).toEqual(['alice:Team']);
  expect(concerned(eventIn('shared/alice'))).toEqual(['alice:INBOX']);
  expect(concerned(eventIn('Public/News'))).toEqual([':Public/News']);
  expect(concerned(eventIn('Team'))).toEqual(['bob:Team']);
});

test('without namespaces it is his', () => {
  const event = { dovecot: 1, user: 'bob', events: [{ name: 'MessageNew', mailbox: 'shared/alice/Team' }] };
  expect(concerned(event, { dovecot: { namespaces: [] } })).toEqual(['bob:shared/alice/Team']);
});

test('Cyrus names the owner itself', () => {
  const event: unknown = JSON.parse(captured('0060-MessageNew-lmtp-inbox.json').toString());
  const all = { dovecot: { namespaces: [{ prefix: 'INBOX/', owner: 'bob', ownPrefix: '' }] } };
  expect(concerned(event, all)).toEqual(['alice:INBOX']);
});
