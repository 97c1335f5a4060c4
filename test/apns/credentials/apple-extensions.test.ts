import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { appleExtensions } from '../../../src/apns/credentials/apple-extensions.ts';
import { createAuthority, issueClientCertificate } from '../../../src/apns/credentials/pki.ts';

const TOPIC = 'com.apple.mail.XServer.11111111-2222-4333-8444-555555555555';
const authority = createAuthority('test authority');

function extensionsOf(pem: string): ReturnType<typeof appleExtensions> {
  return appleExtensions(new X509Certificate(pem));
}

test('servers and topics', () => {
  const many = Array.from({ length: 20 }, (_, index) => `${TOPIC}.größe${index}`); // a length of three bytes
  for (const topics of [[TOPIC], [TOPIC, `${TOPIC}.voip`], many]) {
    const { certificatePem } = issueClientCertificate(authority, { topic: TOPIC, topics });
    expect(extensionsOf(certificatePem)).toEqual({
      environments: ['production', 'development'],
      topicList: topics,
    });
  }
  const { certificatePem } = issueClientCertificate(authority, {
    topic: TOPIC,
    environments: ['development'],
  });
  expect(extensionsOf(certificatePem)).toEqual({ environments: ['development'], topicList: [] });
});

test('a certificate without them', () => {
  expect(extensionsOf(authority.certificatePem)).toEqual({ environments: [], topicList: [] });
});

test('whatever the bytes are, nothing is thrown', () => {
  const nothing = { environments: [], topicList: [] };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      expect(appleExtensions({ raw: Buffer.from(bytes) })).toEqual(nothing);
    }),
  );
  const { raw } = new X509Certificate(
    issueClientCertificate(authority, { topic: TOPIC, topics: [TOPIC] }).certificatePem,
  );
  fc.assert(
    fc.property(fc.nat(raw.length - 1), fc.nat(255), fc.nat(raw.length), (at, byte, end) => {
      const damaged = Buffer.from(raw.subarray(0, end));
      if (at < end) damaged[at] = byte;
      expect(appleExtensions({ raw: damaged }).topicList.length).toBeLessThan(raw.length);
    }),
    { numRuns: 1000 },
  );
});
