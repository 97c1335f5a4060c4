import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCyrusEvent } from '../../src/events/cyrus.ts';
import { DEFAULT_NAMESPACE } from '../../src/mailboxes/cyrus-namespace.ts';

type Json = Record<string, unknown>;

function captured(file: string): Json {
  return JSON.parse(readFileSync(new URL(`../fixtures/${file}`, import.meta.url), 'utf8')) as Json;
}

const registration = captured('cyrus310/1821-ApplePushServiceDAV-V-subscribe-get.json');
const change = captured('cyrus310/1846-MessageNew-V-put-new.json');
const UNIQUE_ID = '1u6xrmyo6wijrgk0wesdd4s9';

function parse(value: Json): ReturnType<typeof parseCyrusEvent> {
  return parseCyrusEvent(value, () => DEFAULT_NAMESPACE);
}

function bad(value: Json, reason: RegExp): void {
  const parsed = parse(value);
  expect(parsed.kind).toBe('bad');
  expect('reason' in parsed ? parsed.reason : '').toMatch(reason);
}

describe('a registration for a collection', () => {
  it('passes every string on as it came, and is not asked for what Cyrus does not look at', () => {
    expect(parse({ ...registration, apsDeviceToken: 'xyz+"ä"', user: '', 'vnd.cmu.mbtype': 'a' })).toEqual({
      ...{ kind: 'collection registration', source: 'cyrus', collection: 'contacts' },
      ...{ user: '', deviceToken: 'xyz+"ä"', mailboxUser: 'alice', uniqueId: UNIQUE_ID },
      topic: registration['apsTopic'],
      expiryMs: 86_400_000,
    });
  });

  const needed = ['user', 'vnd.cmu.mbtype', 'apsDeviceToken', 'apsTopic', 'mailboxUser', 'mailboxUniqueId'];
  it.each([...needed, 'expiry'])('needs %s', (key) => {
    bad({ ...registration, [key]: undefined }, new RegExp(`^${key} is missing: expected `));
    bad({ ...registration, [key]: null }, new RegExp(`^${key}: expected .*, got null$`));
  });

  it.each([
    ['expiry', 0, /^expiry: expected seconds/],
    ['expiry', 1.5, /^expiry: expected seconds/],
    ['vnd.cmu.mbtype', 'e', /^vnd.cmu.mbtype: expected c or a, got "e"$/],
    ['vnd.cmu.mbtype', '', /^vnd.cmu.mbtype: expected c or a/],
    ['user', 'a\0', /NUL/],
    ['mailboxUser', 'a\0', /NUL/],
    ['mailboxUniqueId', '', /^mailboxUniqueId: expected a unique id/],
    ['mailboxUniqueId', 'a'.repeat(5000), /^.{1,200}$/],
    ['mailboxUniqueId', `${UNIQUE_ID}/`, /^mailboxUniqueId: expected a unique id/],
  ])('refuses %s %j', (key, value, reason) => bad({ ...registration, [key]: value }, reason));
});

describe('a change of a collection', () => {
  const mailbox = (owner: string, path = UNIQUE_ID) => ({ mailbox: { owner, path } });

  it.each([
    ['c', '#calendar'],
    ['cl', '#calendar'],
    ['a', '#contacts'],
  ])('of mbtype %s is of %s', (type, owner) =>
    expect(parse({ ...change, 'vnd.cmu.mbtype': type })).toMatchObject(mailbox(owner)),
  );

  it('is found by its unique id, whatever its uri', () => {
    expect(parse({ ...change, uri: 1, user: 7 })).toMatchObject(mailbox('#calendar'));
    const both = {
      ...change,
      mailboxID: 'Pcompact-id',
      mailboxUniqueId: 'f0d1b6a5-1d0e-4c1c-9d3b-3a5d0b1f2c3d',
    };
    expect(parse(both)).toMatchObject(mailbox('#calendar', both.mailboxUniqueId));
    bad({ ...change, mailboxID: undefined }, /^mailboxID is missing: expected a string$/);
    bad({ ...change, mailboxUniqueId: '', mailboxID: UNIQUE_ID }, /^mailboxUniqueId: expected a unique id/);
  });

  it.each(['MessageNew', 'MessageAppend', 'vnd.cmu.MessageCopy', 'vnd.cmu.MessageMove', 'MessageExpunge'])(
    'is %s',
    (event) => expect(parse({ ...change, event })).toMatchObject({ kind: 'collection change' }),
  );

  it.each(['MessageRead', 'MessageTrash', 'FlagsSet', 'FlagsClear', 'MailboxModseq', 'AclChange'])(
    'is not %s, of which nobody is told',
    (event) => expect(parse({ ...change, event })).toMatchObject({ kind: 'ignored' }),
  );

  it('gives nobody a right where it names none', () => {
    expect(parse({ ...change, 'vnd.cmu.mailboxACL': undefined })).toMatchObject({ acl: '' });
  });
});

it('gives an event or a reason, whatever one key holds', () => {
  const of = (event: Json) => fc.constantFrom(...Object.keys(event)).map((key) => ({ event, key }));
  const value = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.string({ unit: 'binary' }));
  fc.assert(
    fc.property(fc.oneof(of(registration), of(change)), value, ({ event, key }, changed) => {
      const parsed = parse({ ...event, [key]: changed });
      if (parsed.kind !== 'bad') return;
      expect(parsed.reason.length).toBeLessThan(300);
      expect(parsed.reason).not.toContain(registration['apsDeviceToken']);
    }),
  );
});
