import { describe, expect, test } from 'vitest';
import type { ClaimedPush } from '../../src/outbox/attempt.ts';
import { pushOf } from '../../src/delivery/push-of.ts';

const MAIN_TOPIC = 'com.apple.mail.XServer.a';

const INBOX = { owner: 'alice', path: 'INBOX', hash: 'hash of INBOX', inbox: true };
const ARCHIVE = { owner: 'alice', path: 'Archive', hash: 'hash of Archive', inbox: false };

const ROW: ClaimedPush = {
  targetId: 1,
  user: 'alice',
  deviceToken: '80aa',
  accountId: 'account',
  topic: 'com.apple.mail.XServer.b',
  renewedMs: 0,
  apnsId: 'id',
  event: 'MessageNew',
  generation: 1,
  attempts: 1,
  eventMs: 0,
  enqueuedMs: 0,
  mailboxes: [INBOX],
};

function payloadOf(changes: Partial<ClaimedPush>): unknown {
  return JSON.parse(pushOf({ ...ROW, ...changes }, MAIN_TOPIC, 0).payload);
}

describe('pushOf', () => {
  test('says what Apple needs to know', () => {
    expect(pushOf(ROW, MAIN_TOPIC, 123)).toEqual({
      apnsId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      deviceToken: '80aa',
      topic: 'com.apple.mail.XServer.b',
      payload: '{"aps":{"account-id":"account"}}',
      expirationS: 123,
    });
  });

  test('a target that was told no topic gets that of the certificate', () => {
    expect(pushOf({ ...ROW, topic: '' }, MAIN_TOPIC, 0).topic).toBe(MAIN_TOPIC);
  });

  test('m names the mailboxes, INBOX with them, but not INBOX alone', () => {
    const aps = { 'account-id': 'account' };
    expect(payloadOf({ mailboxes: [INBOX] })).toEqual({ aps });
    expect(payloadOf({ mailboxes: [ARCHIVE] })).toEqual({ aps: { ...aps, m: ['hash of Archive'] } });
    expect(payloadOf({ mailboxes: [INBOX, ARCHIVE] })).toEqual({
      aps: { ...aps, m: ['hash of INBOX', 'hash of Archive'] },
    });
    const unechoed = { ...ARCHIVE, hash: undefined };
    expect(payloadOf({ mailboxes: [unechoed] })).toEqual({ aps });
  });

  test("another user's INBOX is a folder like any other", () => {
    const bobs = { owner: 'bob', path: 'INBOX', hash: 'hash of bobs', inbox: false };
    expect(payloadOf({ mailboxes: [bobs] })).toMatchObject({ aps: { m: ['hash of bobs'] } });
  });
});
