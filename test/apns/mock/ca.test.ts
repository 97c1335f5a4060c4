import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadCredential } from '../../../src/apns/credentials/credentials.ts';
import { MOCK_TOPIC, mockFiles } from '../../../src/apns/mock/ca.ts';
import { ExitCode, OperatorError } from '../../../src/process/errors.ts';

const parent = mkdtempSync(join(tmpdir(), 'xapplepush-mock-ca-'));
const dir = join(parent, 'new', 'folder');
afterAll(() => {
  rmSync(parent, { recursive: true });
});
const files = mockFiles(dir);
const server = new URL('https://localhost');

test('keys and what opens them are for their owner alone', () => {
  for (const file of [files.caKey, files.serverKey, files.clientKey, files.clientPkcs12, files.passphrase]) {
    expect(statSync(file).mode & 0o777).toBe(0o600);
  }
  expect(statSync(dir).mode & 0o777).toBe(0o700);
});

test('the client certificate is a Mail push certificate, as PEM and as PKCS#12', () => {
  const pem = loadCredential({ server, certificate: files.clientCertificate, key: files.clientKey });
  const pkcs12 = loadCredential({
    server,
    certificate: files.clientPkcs12,
    passphraseFile: files.passphrase,
  });
  expect(pem).toMatchObject({ topic: MOCK_TOPIC, topics: [MOCK_TOPIC] });
  expect(pkcs12.fingerprint).toBe(pem.fingerprint);
});

test('both certificates are of the authority', () => {
  const authority = new X509Certificate(readFileSync(files.ca));
  for (const file of [files.serverCertificate, files.clientCertificate]) {
    expect(new X509Certificate(readFileSync(file)).verify(authority.publicKey)).toBe(true);
  }
  expect(authority.checkPrivateKey(createPrivateKey(readFileSync(files.caKey)))).toBe(true);
});

test('what is there stays; if something is missing all is made anew', () => {
  const before = readFileSync(files.ca, 'utf8');
  expect(mockFiles(dir)).toEqual(files);
  expect(readFileSync(files.ca, 'utf8')).toBe(before);
  rmSync(files.serverKey);
  mockFiles(dir);
  expect(readFileSync(files.ca, 'utf8')).not.toBe(before);
  expect(statSync(files.serverKey).mode & 0o777).toBe(0o600);
});

test('a folder that cannot be made is told', () => {
  const file = join(parent, 'file');
  writeFileSync(file, '');
  expect(() => mockFiles(join(file, 'below'))).toThrow(OperatorError);
  expect(() => mockFiles(join(file, 'below'))).toThrow(
    expect.objectContaining({ exitCode: ExitCode.configuration }),
  );
});
