import { describe, expect, test } from 'vitest';
import type { ClaimedPush } from '../../src/outbox/attempt.ts';
import { pushOf } from '../../src/delivery/push-of.ts';

const MAIN_TOPIC = 'com.apple.mail.XServer.a';

const INBOX = { owner: 'alice', path: 'INBOX', hash: 'hash of INBOX', inbox: true };
const ARCHIVE = { owner: 'alice', path: 'Archive', hash: 'hash of Archive', inbox: false };

/** 123 seconds. */
const TIMES = { nowMs: 100_999, expiryMs: 22_001 };

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
  return JSON.parse(pushOf({ ...ROW, ...changes }, MAIN_TOPIC, TIMES).payload);
}

describe('pushOf', () => {
  test('says what Apple needs to know', () => {
    expect(pushOf(ROW, MAIN_TOPIC, TIMES)).toEqual({
      apnsId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      deviceToken: '80aa',
      topic: 'com.apple.mail.XServer.b',
      payload: '{"aps":{"account-id":"account"}}',
      expirationS: 123,
    });
  });

  test('a target that was told no topic gets that of the certificate', () => {
    expect(pushOf({ ...ROW, topic: '' }, MAIN_TOPIC, TIMES).topic).toBe(MAIN_TOPIC);
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

describe('pushOf a collection', () => {
  const key = 'alice/1u6xrmyo6wijrgk0wesdd4s9';
  const collection = { owner: '#calendar', path: '1u6xrmyo6wijrgk0wesdd4s9', hash: 'hash', inbox: false };
  const row = { ...ROW, accountId: key, eventMs: 99_999, mailboxes: [collection] };

  test('tells the key and the times, and is kept by Apple for three days', () => {
    const push = pushOf(row, MAIN_TOPIC, TIMES);
    expect(push).toMatchObject({ topic: ROW.topic, deviceToken: '80aa', expirationS: 100 + 3 * 86_400 });
    expect(push.payload).toBe(
      `{"key":"${key}","dataChangedTimestamp":99,"pushRequestSubmittedTimestamp":100}`,
    );
  });

  test('has the same apns-id whenever it is sent, and another for another change', () => {
    const { apnsId } = pushOf(row, MAIN_TOPIC, TIMES);
    expect(pushOf(row, MAIN_TOPIC, { ...TIMES, nowMs: 7_000_000 }).apnsId).toBe(apnsId);
    expect(pushOf({ ...row, eventMs: 101_000 }, MAIN_TOPIC, TIMES).apnsId).not.toBe(apnsId);
    expect(pushOf({ ...row, generation: 2 }, MAIN_TOPIC, TIMES).apnsId).not.toBe(apnsId);
  });
});
