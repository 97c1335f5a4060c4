import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { createVapid, vapidKeyOf } from '../../../src/services/webpush/vapid.ts';
import { vapidClaims, vapidPem } from '../../support/web-push-app.ts';

const NOW_MS = 1_796_000_000_000;
const HOUR_MS = 3_600_000;
const ORIGIN = 'https://push.example.net';

test('says who calls whom and until when, signed by the key that it names', () => {
  const key = vapidKeyOf(vapidPem());
  expect(vapidClaims(createVapid(key, 'mailto:a@example.org')(ORIGIN, NOW_MS))).toEqual({
    aud: ORIGIN,
    exp: NOW_MS / 1000 + 12 * 3600,
    sub: 'mailto:a@example.org',
    key: key.publicKey,
  });
});

test('is signed once for hours and for each origin, and anew where the clock was put back', () => {
  const vapid = createVapid(vapidKeyOf(vapidPem()), 'mailto:a@example.org');
  const first = vapid(ORIGIN, NOW_MS);
  expect(vapid(ORIGIN, NOW_MS + 10 * HOUR_MS)).toBe(first);
  expect(vapid('https://other.example.net', NOW_MS)).not.toBe(first);
  expect(vapidClaims(vapid(ORIGIN, NOW_MS + 11 * HOUR_MS)).exp).toBe((NOW_MS + 23 * HOUR_MS) / 1000);
  expect(vapidClaims(vapid(ORIGIN, NOW_MS)).exp).toBe((NOW_MS + 12 * HOUR_MS) / 1000);
});

test('a stranger who names ever new origins fills no memory with them', () => {
  const vapid = createVapid(vapidKeyOf(vapidPem()), 'mailto:a@example.org');
  const first = vapid(ORIGIN, NOW_MS);
  for (let count = 0; count < 100; count += 1) vapid(`https://${count}.example.net`, NOW_MS);
  expect(vapid(ORIGIN, NOW_MS)).not.toBe(first);
});

test('a key of another kind is none', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  expect(() => vapidKeyOf(pem)).toThrow('it is no key of P-256');
  expect(() => vapidKeyOf('')).toThrow();
});
