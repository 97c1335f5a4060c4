import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TokenCredential } from '../../src/apns/credentials/credentials.ts';
import {
  mayReplaceExpired,
  signToken,
  TOKEN_MAX_AGE_MS,
  TOKEN_MIN_AGE_MS,
  tokenToUse,
} from '../../src/apns/provider-token.ts';

const MINUTE_MS = 60_000;
const NOW_MS = Date.UTC(2026, 0, 1) + 999;

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const credential: TokenCredential = {
  kind: 'token',
  keyPem: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  keyId: 'ABC123DEFG',
  teamId: 'DEF123GHIJ',
  topic: 'com.apple.mail.XServer.1',
  topics: ['com.apple.mail.XServer.1'],
  fingerprint: '',
  files: [],
  notAfterMs: undefined,
};

describe('signToken', () => {
  const parts = signToken(credential, NOW_MS).split('.');
  const decoded = parts.slice(0, 2).map((part) => Buffer.from(part, 'base64url').toString());

  test('has the header and the claims that Apple asks for, in seconds', () => {
    expect(decoded.map((part) => JSON.parse(part) as unknown)).toEqual([
      { alg: 'ES256', kid: 'ABC123DEFG' },
      { iss: 'DEF123GHIJ', iat: Date.UTC(2026, 0, 1) / 1000 },
    ]);
  });

  test('is three parts of base64url without padding', () => {
    expect(parts).toHaveLength(3);
    for (const part of parts) expect(part).toMatch(/^[\w-]+$/);
  });

  test('is signed as ES256: 64 bytes, r and s, RFC 7518, 3.4', () => {
    const signature = Buffer.from(parts[2] ?? '', 'base64url');
    const key = { key: createPublicKey(credential.keyPem), dsaEncoding: 'ieee-p1363' as const };
    expect(signature).toHaveLength(64);
    const content = (text: string): Buffer => Buffer.from(text);
    expect(verify('sha256', content(`${parts[0]}.${parts[1]}`), key, signature)).toBe(true);
    expect(verify('sha256', content(`${parts[0]}.${parts[1]}x`), key, signature)).toBe(false);
  });
});

const issued = (ageMs: number): { jwt: string; issuedMs: number } => ({ jwt: 'x', issuedMs: NOW_MS - ageMs });

describe('tokenToUse', () => {
  test.each([
    [0, 'keep'],
    [20 * MINUTE_MS, 'keep'],
    [50 * MINUTE_MS - 1, 'keep'],
    [50 * MINUTE_MS, 'renew'],
    [600 * MINUTE_MS, 'renew'],
    [-MINUTE_MS, 'keep'],
    [-MINUTE_MS - 1, 'renew'],
  ])('a token that is %i ms old: %s', (ageMs, want) => {
    expect(tokenToUse(issued(ageMs), NOW_MS)).toBe(want);
  });

  test('none', () => {
    expect(tokenToUse(undefined, NOW_MS)).toBe('renew');
  });

  test('as time goes on, tokens are from 20 to 60 minutes apart', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 10 * MINUTE_MS }), { maxLength: 200 }), (steps) => {
        let nowMs = NOW_MS;
        let known = issued(0);
        for (const step of steps) {
          nowMs += step;
          if (tokenToUse(known, nowMs) === 'keep') continue;
          expect(nowMs - known.issuedMs).toBeGreaterThanOrEqual(TOKEN_MIN_AGE_MS);
          expect(nowMs - known.issuedMs).toBeLessThanOrEqual(TOKEN_MAX_AGE_MS);
          known = { jwt: 'y', issuedMs: nowMs };
        }
      }),
    );
  });
});

test.each([
  [0, false],
  [20 * MINUTE_MS - 1, false],
  [20 * MINUTE_MS, true],
  [70 * MINUTE_MS, true],
  [-MINUTE_MS, false],
  [-MINUTE_MS - 1, true],
])('a token that Apple calls expired and that is %i ms old may be replaced: %j', (ageMs, want) => {
  expect(mayReplaceExpired(issued(ageMs).issuedMs, NOW_MS)).toBe(want);
});
