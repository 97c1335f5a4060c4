import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createAuthority,
  issueClientCertificate,
  issueServerCertificate,
  readPkcs12,
  writePkcs12,
} from '../../../src/apns/credentials/pki.ts';

const TOPIC = 'com.apple.mail.XServer.11111111-2222-4333-8444-555555555555';
const authority = createAuthority('test authority');
const client = issueClientCertificate(authority, { topic: TOPIC, topics: [TOPIC, `${TOPIC}.other`] });

function fixture(name: string): Buffer {
  return readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
}

function x509(pem: string): X509Certificate {
  return new X509Certificate(pem);
}

test('the authority vouches for what it issues', () => {
  const ca = x509(authority.certificatePem);
  expect(ca.ca).toBe(true);
  for (const { certificatePem, keyPem } of [client, issueServerCertificate(authority)]) {
    const certificate = x509(certificatePem);
    expect(certificate.checkIssued(ca)).toBe(true);
    expect(certificate.verify(ca.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(keyPem))).toBe(true);
  }
});

test('the server certificate is for this machine', () => {
  const { certificatePem } = issueServerCertificate(authority);
  expect(x509(certificatePem).checkHost('localhost')).toBe('localhost');
  expect(x509(certificatePem).checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(x509(certificatePem).checkIP('::1')).toBe('::1');
  expect(x509(certificatePem).checkHost('example.org')).toBeUndefined();
});

test('the client certificate has the topic as UID', () => {
  expect(x509(client.certificatePem).subject.split('\n')).toContain(`UID=${TOPIC}`);
});

describe('readPkcs12', () => {
  const leaf = x509(fixture('leaf.pem').toString());

  test.each(['legacy.p12', 'modern.p12'])('%s, made by OpenSSL', (name) => {
    const { certificates, keys } = readPkcs12(fixture(name), 'fixture');
    expect(certificates).toHaveLength(2);
    expect(certificates.map((pem) => x509(pem).fingerprint256)).toContain(leaf.fingerprint256);
    expect(keys.map((pem) => leaf.checkPrivateKey(createPrivateKey(pem)))).toEqual([true]);
  });

  test('an EC key, which node-forge itself does not know', () => {
    const { certificates, keys } = readPkcs12(fixture('elliptic.p12'), 'fixture');
    expect(certificates.map((pem) => x509(pem).checkPrivateKey(createPrivateKey(keys[0]!)))).toEqual([true]);
  });

  test('what writePkcs12 wrote, whatever the passphrase', () => {
    const passphrase = fc.string({ unit: fc.constantFrom('a', 'Z', ' ', 'ß', '€', '日'), maxLength: 12 });
    fc.assert(
      fc.property(passphrase, (secret) => {
        const { certificates, keys } = readPkcs12(writePkcs12(client, secret), secret);
        expect(certificates.map((pem) => x509(pem).fingerprint)).toEqual([
          x509(client.certificatePem).fingerprint,
        ]);
        expect(createPrivateKey(keys[0]!).equals(createPrivateKey(client.keyPem))).toBe(true);
      }),
      { numRuns: 5 },
    );
  });

  test.each(['legacy.p12', 'modern.p12', 'elliptic.p12'])('%s with a wrong passphrase', (name) => {
    expect(() => readPkcs12(fixture(name), 'wrong')).toThrow(/password|decrypt/i);
  });

  test('what is no PKCS#12', () => {
    expect(() => readPkcs12(Buffer.from('hello'), '')).toThrow();
    expect(() => readPkcs12(x509(client.certificatePem).raw, '')).toThrow();
  });
});
