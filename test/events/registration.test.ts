import { describe, expect, it } from 'vitest';
import { parseEvent } from '../../src/events/parse.ts';
import type { ParseResult } from '../../src/events/mail-event.ts';

const UNSTORABLE = 'expected text without NUL characters and halves of surrogate pairs';

const registration = {
  registration: 1,
  source: 'dovecot-plugin',
  user: 'Alice',
  accountId: '0715A26B-CA09-4730-A419-793000CA982E',
  deviceToken: '80aa34cb0fc0a6cb',
  subtopic: 'com.apple.mobilemail',
  version: 2,
  topic: 'com.apple.mail.XServer.test',
  mailboxes: [{ name: 'inbox', vname: 'INBOX' }, { name: 'Entw&APw-rfe' }, 'Sent'],
};

/** The one result for a registration with these changes. */
function parsed(changes: Record<string, unknown> = {}): ParseResult | undefined {
  const results = parseEvent({ ...registration, ...changes }, () => {
    throw new Error('only names of Cyrus need a namespace');
  });
  expect(results).toHaveLength(1);
  return results[0];
}

describe('a registration by a mail server that names its mailboxes', () => {
  it('passes every string on as it came', () => {
    expect(parsed()).toEqual({
      kind: 'registration',
      source: 'dovecot-plugin',
      user: 'Alice',
      accountId: '0715A26B-CA09-4730-A419-793000CA982E',
      deviceToken: '80aa34cb0fc0a6cb',
      subtopic: 'com.apple.mobilemail',
      apsVersion: 2,
      toldTopic: 'com.apple.mail.XServer.test',
      mailboxes: ['inbox', 'Entw&APw-rfe', 'Sent'],
      vnames: new Map([['inbox', 'INBOX']]),
    });
  });

  it('may leave out who tells it, the version and the topic', () => {
    const { source, version, topic, ...less } = registration;
    expect([source, version, topic]).toHaveLength(3);
    const [result] = parseEvent(less, () => expect.fail());
    expect(result).toMatchObject({ source: 'other', apsVersion: 2 });
    expect(result).not.toHaveProperty('toldTopic');
  });

  it.each<[Record<string, unknown>, string]>([
    [{ registration: 2 }, 'registration: expected 1, got 2'],
    [{ registration: null }, 'registration: expected 1, got null'],
    [{ source: 'cyrus' }, 'source: expected dovecot-plugin or other, got a string'],
    [{ user: undefined }, 'user is missing: expected a string'],
    [{ user: '' }, 'user: expected a name, got empty text'],
    [{ user: 'a\0' }, `user: ${UNSTORABLE}`],
    [{ accountId: 7 }, 'accountId: expected a string, got a number'],
    [{ deviceToken: undefined }, 'deviceToken is missing: expected a string'],
    [{ subtopic: null }, 'subtopic: expected a string, got null'],
    [{ version: 3 }, 'version: expected 1 or 2, got 3'],
    [{ version: '2' }, 'version: expected 1 or 2, got a string'],
    [{ topic: '' }, 'topic: expected a name, got empty text'],
    [{ mailboxes: undefined }, 'mailboxes is missing: expected a list of mailboxes'],
    [{ mailboxes: 'INBOX' }, 'mailboxes: expected a list of mailboxes, got a string'],
    [{ mailboxes: ['INBOX', 7] }, 'mailboxes[1]: expected a string, got a number'],
    [{ mailboxes: [{ vname: 'INBOX' }] }, 'mailboxes[0] is missing: expected a string'],
    [{ mailboxes: [{ name: 'a', vname: '\ud800' }] }, `mailboxes[0].vname: ${UNSTORABLE}`],
    [{ mailboxes: [['INBOX']] }, 'mailboxes[0]: expected a string, got a list'],
  ])('%j is refused', (changes, reason) => {
    expect(parsed(changes)).toEqual({ kind: 'bad', reason });
  });
});
