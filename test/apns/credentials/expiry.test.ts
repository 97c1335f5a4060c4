import { describe, expect, test } from 'vitest';
import { daysLeft, expiryWarning } from '../../../src/apns/credentials/expiry.ts';

const DAY_MS = 86_400_000;
const END_MS = Date.UTC(2026, 5, 1, 12);
const credential = {
  topic: 'com.apple.mail.XServer.1',
  files: ['/etc/mail.pem', '/etc/mail.key'],
  notAfterMs: END_MS,
};
const subject = 'the certificate in /etc/mail.pem for com.apple.mail.XServer.1';

describe('expiryWarning', () => {
  const warning = (beforeMs: number): string | undefined => expiryWarning(credential, END_MS - beforeMs);

  test('is silent until 30 days before', () => {
    expect(warning(365 * DAY_MS)).toBeUndefined();
    expect(warning(30 * DAY_MS)).toBeUndefined();
  });

  test.each([
    [30 * DAY_MS - 1, '29 days'],
    [2 * DAY_MS, '2 days'],
    [2 * DAY_MS - 1, '1 day'],
    [DAY_MS - 1, 'less than a day'],
    [1, 'less than a day'],
  ])('tells %i ms before it: %s', (beforeMs, left) => {
    expect(warning(beforeMs)).toBe(
      `${subject} expires in ${left}, on 2026-06-01T12:00:00Z; renew it under the same topic`,
    );
  });

  test.each([0, -1, -400 * DAY_MS])('tells %i ms before it that it is over', (beforeMs) => {
    expect(warning(beforeMs)).toBe(`${subject} expired on 2026-06-01T12:00:00Z; Apple takes no push with it`);
  });

  test('has nothing to say of a provider token', () => {
    expect(expiryWarning({ ...credential, notAfterMs: undefined }, END_MS)).toBeUndefined();
  });
});

test.each([
  [DAY_MS, 1],
  [DAY_MS - 1, 0],
  [0, 0],
  [-1, -1],
])('%i ms are %i days left', (ms, want) => {
  expect(daysLeft(END_MS, END_MS - ms)).toBe(want);
});
