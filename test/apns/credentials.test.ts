import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { loadCredential, type Credential } from '../../src/apns/credentials.ts';
import { createAuthority, issueClientCertificate, writePkcs12 } from '../../src/apns/pki.ts';
import type { ApnsConfig } from '../../src/config/config.ts';
import { ExitCode, OperatorError } from '../../src/errors.ts';

const TOPIC = 'com.apple.mail.XServer.11111111-2222-4333-8444-555555555555';
const FIXTURE_TOPIC = 'com.apple.mail.XServer.00000000-0000-4000-8000-000000000001';
const PASSPHRASE = 'geheim, groß';

const dir = mkdtempSync(join(tmpdir(), 'xapplepush-credentials-'));
afterAll(() => {
  rmSync(dir, { recursive: true });
});

const authority = createAuthority('test authority');
const ca = authority.certificatePem;
const { certificatePem: leaf, keyPem: key } = issueClientCertificate(authority, { topic: TOPIC });
const other = issueClientCertificate(authority, { topic: TOPIC });
const key1 = String(createPrivateKey(key).export({ type: 'pkcs1', format: 'pem' }));
const cipher = { cipher: 'aes-256-cbc', passphrase: PASSPHRASE };
const encryptedKey = String(createPrivateKey(key).export({ type: 'pkcs8', format: 'pem', ...cipher }));
const encryptedKey1 = String(createPrivateKey(key).export({ type: 'pkcs1', format: 'pem', ...cipher }));

let count = 0;
function file(content: string | Buffer): string {
  count += 1;
  const path = join(dir, `file${count}`);
  writeFileSync(path, content);
  return path;
}

function fixture(name: string): string {
  return fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
}

type Options = Partial<Omit<ApnsConfig, 'server'>>;

function load(options: Options): Credential {
  return loadCredential({ server: new URL('https://localhost'), ...options });
}

function good(why: string, options: Options, want: Partial<Credential> = {}): void {
  test(why, () => {
    const credential = load(options);
    const certificate = new X509Certificate(credential.certificatePem);
    expect(credential.fingerprint).toBe(certificate.fingerprint256.replaceAll(':', '').toLowerCase());
    const { keyPem, passphrase } = credential;
    const held = createPrivateKey({ key: keyPem, ...(passphrase !== undefined && { passphrase }) });
    expect(certificate.checkPrivateKey(held)).toBe(true);
    expect(credential).toMatchObject({ topic: TOPIC, topics: [TOPIC], ...want });
  });
}

function bad(why: string, options: Options, want: RegExp, hint: RegExp): void {
  test(why, () => {
    const error = caught(() => load(options));
    expect(error).toBeInstanceOf(OperatorError);
    expect(error).toMatchObject({ exitCode: ExitCode.configuration });
    expect((error as OperatorError).message).toMatch(want);
    expect((error as OperatorError).hint).toMatch(hint);
    expect((error as OperatorError).message).not.toContain(PASSPHRASE);
  });
}

function caught(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

describe('PEM', () => {
  good(
    'certificate, key in its own file',
    { certificate: file(leaf), key: file(key) },
    { certificatePem: leaf },
  );
  good('certificate and key in one file', { certificate: file(leaf + key) });
  good('key before the certificate', { certificate: file(key + leaf) });
  good('key in the older form', { certificate: file(leaf + key1) });
  good('chain before the leaf', { certificate: file(ca + key + leaf) }, { certificatePem: leaf + ca });
  good(
    'certificates of others',
    { certificate: file(other.certificatePem + leaf), key: file(key) },
    { certificatePem: leaf },
  );
  good('keys of others', { certificate: file(leaf), key: file(other.keyPem + key) });
  good('with the text that openssl puts around', {
    certificate: file(
      `Bag Attributes\n    friendlyName: APSP\n${leaf}Key Attributes: <No Attributes>\n${key}`,
    ),
  });
  good('with CRLF', { certificate: file((leaf + key).replaceAll('\n', '\r\n')) });
  good(
    'encrypted key',
    { certificate: file(leaf), key: file(encryptedKey), passphraseFile: file(`${PASSPHRASE}\n`) },
    { passphrase: PASSPHRASE },
  );
  good('encrypted key in the older form', {
    certificate: file(leaf + encryptedKey1),
    passphraseFile: file(PASSPHRASE),
  });
});

describe('DER', () => {
  good("Apple's .cer with a separate key", {
    certificate: file(new X509Certificate(leaf).raw),
    key: file(key),
  });
  const passphraseFile = file('fixture\n');
  const ofFixture = { topic: FIXTURE_TOPIC, topics: [FIXTURE_TOPIC] };
  good('PKCS#12 with RC2-40 and 3DES', { certificate: fixture('legacy.p12'), passphraseFile }, ofFixture);
  good('PKCS#12 with AES', { certificate: fixture('modern.p12'), passphraseFile }, ofFixture);
  good('PKCS#12 of our own', {
    certificate: file(writePkcs12({ certificatePem: leaf, keyPem: key }, PASSPHRASE)),
    passphraseFile: file(PASSPHRASE),
  });
  good('PKCS#12 with an empty passphrase and none configured', {
    certificate: file(writePkcs12({ certificatePem: leaf, keyPem: key }, '')),
  });

  test('PKCS#12 gives leaf and chain as OpenSSL wrote them', () => {
    const { certificatePem, subject } = load({ certificate: fixture('modern.p12'), passphraseFile });
    expect(certificatePem.startsWith(readFileSync(fixture('leaf.pem'), 'utf8'))).toBe(true);
    expect(certificatePem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(subject).toBe(`CN=APSP:fixture, UID=${FIXTURE_TOPIC}, C=US`);
  });
});

describe('topic', () => {
  const listed = [`${TOPIC}.a`, `${TOPIC}.b`];
  const withList = issueClientCertificate(authority, { topic: TOPIC, topics: listed });
  const certificate = file(withList.certificatePem + withList.keyPem);
  good('UID first, then the list', { certificate }, { topics: [TOPIC, ...listed] });
  good(
    'a configured one of the list',
    { certificate, topic: `${TOPIC}.b` },
    {
      topic: `${TOPIC}.b`,
      topics: [TOPIC, ...listed],
    },
  );
  good('the configured one where the certificate names none', {
    certificate: file(ca + authority.keyPem),
    topic: TOPIC,
  });
  bad('no topic anywhere', { certificate: file(ca + authority.keyPem) }, /no topic found/, /UID/);
  bad(
    'a configured one of another certificate',
    { certificate, topic: 'x.y' },
    /x\.y is not covered.*XServer/,
    /remove apns\.topic/,
  );
});

describe('validity', () => {
  const day = (n: number): Date => new Date(Date.UTC(2024, 0, n));
  const validity = { notBefore: day(1), notAfter: day(31) };
  const short = issueClientCertificate(authority, { topic: TOPIC, validity });
  const apns = {
    server: new URL('https://localhost'),
    certificate: file(short.certificatePem + short.keyPem),
  };

  test('within it', () => {
    expect(loadCredential(apns, day(15).getTime())).toMatchObject({
      notBeforeMs: day(1).getTime(),
      notAfterMs: day(31).getTime(),
    });
  });
  test.each([
    ['before it', 0, /is not valid before Jan\s+1/],
    ['at its end', 31, /expired on Jan 31/],
  ])('%s', (_why, n, want) => {
    const error = caught(() => loadCredential(apns, day(n).getTime()));
    expect(error).toBeInstanceOf(OperatorError);
    expect(error).toMatchObject({
      exitCode: ExitCode.configuration,
      message: expect.stringMatching(want) as string,
    });
  });
  bad('now', { certificate: apns.certificate }, /expired/, /same topic/);
});

describe('what an operator has to mend', () => {
  const folder = join(dir, 'folder');
  mkdirSync(folder);
  const both = file(leaf + key);
  bad('no certificate configured', {}, /apns\.certificate is not set/, /set apns\.certificate/);
  bad(
    'a token',
    { token: { key: '', keyId: '', teamId: '' } },
    /apns\.token is not supported by this version/,
    /certificate/,
  );
  bad('no such file', { certificate: join(dir, 'none') }, /there is no file .*none/, /apns\.certificate/);
  bad(
    'no such key file',
    { certificate: both, key: join(dir, 'none') },
    /^apns\.key: there is no file/,
    /apns\.key/,
  );
  bad(
    'no such passphrase file',
    { certificate: both, passphraseFile: join(dir, 'none') },
    /^apns\.passphrase_file/,
    /./,
  );
  bad('a folder', { certificate: folder }, /cannot be read by user id \d+: EISDIR/, /path of a file/);
  bad('text', { certificate: file('hello\n') }, /neither PEM nor PKCS#12/, /\.p12/);
  bad('an empty file', { certificate: file('') }, /neither PEM nor PKCS#12/, /\.p12/);
  bad('a key alone', { certificate: file(key) }, /holds no certificate/, /request/);
  bad(
    'a damaged certificate',
    { certificate: file(leaf.replace(/MII/, 'MIA') + key) },
    /certificate in .* is damaged/,
    /export/,
  );
  bad(
    'a damaged key',
    { certificate: file(leaf + key.replace(/MII/, 'MIA')) },
    /private key in .* is damaged/,
    /export/,
  );
  bad('no key', { certificate: file(leaf) }, /there is no private key in/, /apns\.key/);
  bad(
    'the key of another',
    { certificate: file(leaf), key: file(other.keyPem) },
    /does not match/,
    /requested with/,
  );
  bad(
    'an encrypted key without passphrase',
    { certificate: file(leaf + encryptedKey) },
    /is encrypted/,
    /apns\.passphrase_file/,
  );
  const passphraseFile = file('wrong');
  for (const encrypted of [encryptedKey, encryptedKey1]) {
    bad(
      'a wrong passphrase',
      { certificate: file(leaf + encrypted), passphraseFile },
      /passphrase does not open/,
      /passphrase_file/,
    );
  }
  for (const name of ['legacy.p12', 'modern.p12']) {
    bad(`${name}: no passphrase`, { certificate: fixture(name) }, /is encrypted/, /apns\.passphrase_file/);
    bad(
      `${name}: wrong`,
      { certificate: fixture(name), passphraseFile },
      /passphrase does not open/,
      /passphrase_file/,
    );
  }
});

test('a file that this user may not read: the error names the user id', () => {
  const certificate = file(leaf + key);
  chmodSync(certificate, 0o000);
  const error = asNobody(() => load({ certificate }));
  expect(error).toBeInstanceOf(OperatorError);
  expect((error as Error).message).toMatch(/cannot be read by user id [1-9]\d*: permission denied/);
});

/** root may read everything, so root becomes somebody else for the call. */
function asNobody(run: () => unknown): unknown {
  const isRoot = process.geteuid?.() === 0;
  chmodSync(dir, 0o755);
  if (isRoot) process.seteuid?.(65534);
  try {
    return caught(run);
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}
