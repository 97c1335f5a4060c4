import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseEvent } from '../../src/events/parse.ts';
import { DEFAULT_NAMESPACE } from '../../src/mailboxes/cyrus-namespace.ts';
import { admit, MAX_MAILBOX_BYTES, MAX_MAILBOXES, MAX_USER_BYTES } from '../../src/targets/target.ts';

type Json = Record<string, unknown>;

const docs = new URL('../../docs/', import.meta.url);
const schema = JSON.parse(readFileSync(new URL('registration.schema.json', docs), 'utf8')) as object;
const fits = new Ajv2020({ strictTypes: false, strictRequired: false }).compile(schema);

const RULES = {
  users: { lowercase: true, domain: 'keep' as const },
  ...{ sharedMailboxes: false, namespace: DEFAULT_NAMESPACE, topic: '' },
};

/** Whether xapplepush takes it. */
function isTaken(value: unknown): boolean {
  const [event] = parseEvent(value, () => DEFAULT_NAMESPACE);
  return event?.kind === 'registration' && 'target' in admit(event, RULES);
}

const VALID: Json = {
  registration: 1,
  source: 'dovecot-plugin',
  user: 'alice',
  accountId: '0715A26B-CA09-4730-A419-793000CA982E',
  deviceToken: '80aa34cb0fc0a6cb4f0a5c8b8f9b4f3a',
  subtopic: 'com.apple.mobilemail',
  version: 2,
  topic: 'com.apple.mail.XServer.test',
  mailboxes: ['INBOX', { name: 'Entw&APw-rfe', vname: 'Entwürfe' }],
};
const { source, version, topic, ...LEAST } = VALID;

describe('docs/registration.schema.json takes what xapplepush takes', () => {
  const both = (value: unknown): [boolean, boolean] => [fits(value), isTaken(value)];

  test.each<[string, unknown]>([
    ['all keys', VALID],
    ['no key that may be left out', LEAST],
    ['keys that it does not know', { ...VALID, more: [null] }],
    ['version 1 without mailboxes', { ...VALID, version: 1, mailboxes: [] }],
    ['an emoji in names', { ...VALID, user: '😀', mailboxes: [{ name: 'x', vname: '😀' }] }],
    ['a token of either case', { ...VALID, deviceToken: 'aF'.repeat(200) }],
    ['a user of 1024 bytes', { ...VALID, user: 'a'.repeat(MAX_USER_BYTES) }],
    ['a mailbox of 4096 bytes', { ...VALID, mailboxes: ['a'.repeat(MAX_MAILBOX_BYTES)] }],
    ['a thousand mailboxes', { ...VALID, mailboxes: Array(MAX_MAILBOXES).fill('INBOX') }],
  ])('%s', (_what, value) => {
    expect(both(value)).toEqual([true, true]);
  });

  test.each<[string, unknown]>([
    ...Object.keys(LEAST).map((key): [string, unknown] => [`no ${key}`, { ...VALID, [key]: undefined }]),
    ['another version of the format', { ...VALID, registration: 2 }],
    ['another source', { ...VALID, source: 'cyrus' }],
    ['version 3', { ...VALID, version: 3 }],
    ['another app', { ...VALID, subtopic: 'com.apple.mobilecal' }],
    ['a token that is short', { ...VALID, deviceToken: 'a'.repeat(30) }],
    ['a token of half a byte', { ...VALID, deviceToken: 'a'.repeat(33) }],
    ['a token that is long', { ...VALID, deviceToken: 'a'.repeat(402) }],
    ['a token with a newline', { ...VALID, deviceToken: `${'a'.repeat(32)}\n` }],
    ['an account id with a space', { ...VALID, accountId: '0715A26B CA09-4730' }],
    ['an account id with a newline', { ...VALID, accountId: '0715A26B-CA09-4730\n' }],
    ['no mailbox', { ...VALID, mailboxes: [] }],
    ['a mailbox without a name', { ...VALID, mailboxes: [{ vname: 'INBOX' }] }],
    ['a mailbox with an empty name', { ...VALID, mailboxes: ['INBOX', ''] }],
    ['half of a surrogate pair', { ...VALID, user: '\ud83d' }],
    ['NUL', { ...VALID, mailboxes: ['INBOX', { name: 'INBOX', vname: 'a\0' }] }],
    ['a user of 1025 bytes', { ...VALID, user: 'a'.repeat(MAX_USER_BYTES + 1) }],
    ['a mailbox of 4097 bytes', { ...VALID, mailboxes: ['INBOX', 'a'.repeat(MAX_MAILBOX_BYTES + 1)] }],
    ['one mailbox more', { ...VALID, mailboxes: Array(MAX_MAILBOXES + 1).fill('INBOX') }],
  ])('and not: %s', (_what, value) => {
    expect(both(JSON.parse(JSON.stringify(value)))).toEqual([false, false]);
  });

  test('and the two agree on whatever comes', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constantFrom('', 'INBOX', '\ud800', 'a\0b', 'com.apple.mobilemail', 'dovecot-plugin', 'other'),
      fc.stringMatching(/^[0-9a-fA-F]{30,36}$/),
    );
    const junk = fc.oneof(text, fc.integer({ min: 0, max: 3 }), fc.constantFrom(null, true, [], {}, 1.5));
    const mailbox = fc.oneof(junk, fc.record({ name: junk, vname: junk }, { requiredKeys: [] }));
    // INBOX is always there: that of several names at least one is valid, no schema can say.
    const mailboxes = fc.oneof(
      junk,
      fc.array(mailbox, { maxLength: 4 }).map((rest) => ['INBOX', ...rest]),
    );
    const changes = fc.record<Json>({
      ...Object.fromEntries(Object.keys(VALID).map((key) => [key, junk])),
      mailboxes,
    });
    let taken = 0;
    fc.assert(
      fc.property(changes, fc.subarray(Object.keys(VALID), { maxLength: 2 }), (all, keys) => {
        const value = { ...VALID, ...Object.fromEntries(keys.map((key) => [key, all[key]])) };
        const [fitting, being] = both(value);
        expect(being).toBe(fitting);
        if (being) taken += 1;
      }),
      { numRuns: 3000 },
    );
    expect(taken).toBeGreaterThan(100);
  });
});

test('docs/registering.md shows a registration that is taken', () => {
  const shown = /^\{"registration":.*$/m.exec(readFileSync(new URL('registering.md', docs), 'utf8'))?.[0];
  const value: unknown = JSON.parse(shown ?? '');
  expect([fits(value), isTaken(value)]).toEqual([true, true]);
});

test('what may be left out has the default that the schema says', () => {
  expect([source, version, topic]).not.toContain(undefined);
  const [event] = parseEvent(LEAST, () => DEFAULT_NAMESPACE);
  const { properties } = schema as { properties: Record<string, { default?: unknown }> };
  expect(event).toMatchObject({
    source: properties['source']?.default,
    apsVersion: properties['version']?.default,
  });
});
