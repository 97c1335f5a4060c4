import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mailPayload, MAX_MAILBOXES_PER_PUSH, MAX_PAYLOAD_BYTES } from '../../src/apns/payload.ts';
import { mailboxHash } from '../../src/mailboxes/mailbox-hash.ts';

test('without hashes the payload asks Mail for INBOX alone', () => {
  expect(mailPayload('A1B2', [])).toBe('{"aps":{"account-id":"A1B2"}}');
});

test('hashes go into m, a list even for one', () => {
  expect(mailPayload('A1B2', ['00ff'])).toBe('{"aps":{"account-id":"A1B2","m":["00ff"]}}');
});

test('a full push fits into what Apple takes', () => {
  const hashes = Array.from({ length: MAX_MAILBOXES_PER_PUSH }, (_, n) => mailboxHash(String(n)));
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'Z', '0', '-'), maxLength: 565 }), (accountId) => {
      expect(Buffer.byteLength(mailPayload(accountId, hashes))).toBeLessThanOrEqual(MAX_PAYLOAD_BYTES);
    }),
  );
  expect(Buffer.byteLength(mailPayload('a'.repeat(565), hashes))).toBe(MAX_PAYLOAD_BYTES);
});

test('more hashes than fit are left out, the first ones stay', () => {
  const hashes = Array.from({ length: 150 }, (_, n) => mailboxHash(String(n)));
  const { aps } = JSON.parse(mailPayload('A1B2', hashes)) as { aps: { m: string[] } };
  expect(aps.m).toEqual(hashes.slice(0, MAX_MAILBOXES_PER_PUSH));
});

test('any account id comes back from the payload as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (accountId) => {
      expect(JSON.parse(mailPayload(accountId, []))).toEqual({ aps: { 'account-id': accountId } });
    }),
  );
});
