import { describe, expect, test } from 'vitest';
import { encrypt, MAX_PLAINTEXT_BYTES } from '../../../src/services/webpush/encryption.ts';
import { webPushApp } from '../../support/web-push-app.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'base64url');

/** RFC 8291, 5 and appendix A. */
const EXAMPLE = {
  plaintext: 'When I grow up, I want to be a watermelon',
  appPrivate: bytes('q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94'),
  p256dh: bytes('BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4'),
  auth: bytes('BTBZMqHH6r4Tts7J_aSIgg'),
  salt: bytes('DGv6ra1nlYgDCS1FRnbzlw'),
  privateKey: bytes('yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw'),
  body:
    'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml' +
    'mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT' +
    'pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
};

describe("RFC 8291's own example", () => {
  test('is reproduced, byte for byte', () => {
    const body = encrypt(Buffer.from(EXAMPLE.plaintext), EXAMPLE, EXAMPLE);
    expect(body.toString('base64url')).toBe(EXAMPLE.body);
  });

  test('is read by the app of the tests, which so is one itself', () => {
    const app = webPushApp({ privateKey: EXAMPLE.appPrivate, auth: EXAMPLE.auth });
    expect(app.decrypt(bytes(EXAMPLE.body))).toBe(EXAMPLE.plaintext);
  });
});

test('the longest message is as long as push services take one', () => {
  const app = webPushApp({ privateKey: EXAMPLE.appPrivate, auth: EXAMPLE.auth });
  const longest = 'x'.repeat(MAX_PLAINTEXT_BYTES);
  const body = encrypt(Buffer.from(longest), EXAMPLE, EXAMPLE);
  expect(body).toHaveLength(4096);
  expect(app.decrypt(body)).toBe(longest);
});
