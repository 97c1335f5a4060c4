import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  X509Certificate,
} from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import {
  type CertificateCredential,
  type Credential,
  inspectCredentials,
  loadCredential,
  loadCredentials,
} from '../../../src/apns/credentials/credentials.ts';
import { createAuthority, issueClientCertificate, writePkcs12 } from '../../../src/apns/credentials/pki.ts';
import type { Environment } from '../../../src/apns/credentials/apple-extensions.ts';
import type { ApnsConfig } from '../../../src/config/config.ts';
import { ExitCode, OperatorError } from '../../../src/process/errors.ts';

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
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

type Options = Partial<Omit<ApnsConfig, 'server'>>;

const SERVER = new URL('https://localhost');

function load(options: Options): Credential {
  return loadCredential({ server: SERVER, ...options });
}

function certificateCredential(options: Options): CertificateCredential {
  const credential = load(options);
  if (credential.kind === 'token') throw new Error('it is a token');
  return credential;
}

function good(why: string, options: Options, want: Partial<CertificateCredential> = {}): void {
  test(why, () => {
    const credential = certificateCredential(options);
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
    run();
    return undefined;
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
    const { certificatePem, subject } = certificateCredential({
      certificate: fixture('modern.p12'),
      passphraseFile,
    });
    expect(certificatePem.startsWith(readFileSync(fixture('leaf.pem'), 'utf8'))).toBe(true);
    expect(certificatePem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(subject).toBe(`CN=APSP:fixture, UID=${FIXTURE_TOPIC}, C=US`);
  });
});

describe('topic', () => {
  const listed = [`${TOPIC}.a`, TOPIC, `${TOPIC}.b`];
  const all = [TOPIC, `${TOPIC}.a`, `${TOPIC}.b`];
  const withList = issueClientCertificate(authority, { topic: TOPIC, topics: listed });
  const certificate = file(withList.certificatePem + withList.keyPem);
  good('UID first, then the list', { certificate }, { topics: all });
  good(
    'a configured one of the list',
    { certificate, topic: `${TOPIC}.b` },
    {
      topic: `${TOPIC}.b`,
      topics: all,
    },
  );
  good('the configured one where the certificate names none', {
    certificate: file(ca + authority.keyPem),
    topic: TOPIC,
  });
  bad('no topic anywhere', { certificate: file(ca + authority.keyPem) }, /no topic found/, /UID/);
  bad(
    'a configured one of another certificate',
    { certificate, topic: 'com.apple.mail.XServer.1' },
    /^apns\.topic com\.apple\.mail\.XServer\.1 is not covered by .*: it is for [^,]*, [^,]*, [^,]*$/,
    /^remove apns\.topic/,
  );
  const unlisted = issueClientCertificate(authority, { topic: TOPIC, topics: [`${TOPIC}.a`] });
  const ofUnlisted = file(unlisted.certificatePem + unlisted.keyPem);
  good(
    'a configured one of the list, which the UID is not in',
    { certificate: ofUnlisted, topic: `${TOPIC}.a` },
    { topic: `${TOPIC}.a`, topics: [`${TOPIC}.a`] },
  );
  bad(
    'a UID that the list does not have',
    { certificate: ofUnlisted },
    /^the UID \S+555 of the certificate in \S+ is not in the list of its extension 1\.2\.840\.113635\.100\.6\.3\.6 \(\S+555\.a\)$/,
    /^set apns\.topic to one of the list/,
  );

  const withTopic = (topic: string): string => {
    const made = issueClientCertificate(authority, { topic });
    return file(made.certificatePem + made.keyPem);
  };
  const ofTeam = 'com.apple.mobilemail.push.org.example';
  good("one of a developer team's", { certificate: withTopic(ofTeam) }, { topic: ofTeam, topics: [ofTeam] });
  const notMail =
    /^the topic \S+ \(\S+\) is not one of Mail: expected one that begins com\.apple\.mail\. or com/;
  bad(
    'one of MDM',
    { certificate: withTopic('com.apple.mgmt.External.1') },
    notMail,
    /this is an MDM certificate/,
  );
  bad(
    'one of calendars',
    { certificate: withTopic('com.apple.calendar.XServer.1') },
    notMail,
    /it is for calendar: name its certificate in apns\.also/,
  );
  bad('a mere beginning', { certificate: withTopic('com.apple.mail.') }, notMail, /Mail ignores them/);
  bad(
    'a configured one that is not of Mail',
    { certificate: file(ca + authority.keyPem), topic: 'org.example' },
    /^the topic org\.example \(apns\.topic\) is not one of Mail/,
    /Mail ignores them/,
  );
});

describe('validity', () => {
  const day = (n: number): Date => new Date(Date.UTC(2024, 0, n));
  const validity = { notBefore: day(1), notAfter: day(31) };
  const short = issueClientCertificate(authority, { topic: TOPIC, validity });
  const apns = {
    server: SERVER,
    certificate: file(short.certificatePem + short.keyPem),
  };

  test('within it', () => {
    expect(loadCredential(apns, day(15).getTime())).toMatchObject({
      notBeforeMs: day(1).getTime(),
      notAfterMs: day(31).getTime(),
    });
  });
  test.each([
    ['before it', 0, /is not valid before 2024-01-01T00:00:00Z/],
    ['at its end', 31, /expired on 2024-01-31T00:00:00Z/],
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

describe('what an operator has to fix', () => {
  const folder = join(dir, 'folder');
  mkdirSync(folder);
  const both = file(leaf + key);
  bad('no certificate configured', {}, /apns\.certificate is not set/, /set apns\.certificate/);
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
  bad('a folder', { certificate: folder }, /cannot be read by user \S+: EISDIR/, /path of a file/);
  bad('text', { certificate: file('hello\n') }, /neither PEM nor PKCS#12/, /\.p12/);
  bad('an empty file', { certificate: file('') }, /is empty: 0 bytes/, /\.p12/);
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
  test('a wrong passphrase whose nonsense looks like something, as one in 256 does', () => {
    const wrong = Array.from({ length: 5000 }, (_, index) => `wrong ${index}`).find((passphrase) => {
      const error = caught(() => createPrivateKey({ key: encryptedKey1, passphrase }));
      return (error as { code: string }).code === 'ERR_OSSL_UNSUPPORTED';
    });
    const error = caught(() =>
      load({ certificate: file(leaf + encryptedKey1), passphraseFile: file(wrong ?? '') }),
    );
    expect(wrong).toBeDefined();
    expect((error as OperatorError).message).toMatch(/passphrase does not open/);
  });

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

describe('provider token', () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const pkcs8 = { type: 'pkcs8', format: 'pem' } as const;
  const pem = String(pair.privateKey.export(pkcs8));
  const token = { key: file(pem), keyId: 'ABC123DEFG', teamId: 'DEF123GHIJ' };

  test('with the key as Apple gives it', () => {
    const der = pair.publicKey.export({ type: 'spki', format: 'der' });
    expect(load({ token, topic: TOPIC })).toStrictEqual({
      kind: 'token',
      keyPem: pem,
      keyId: 'ABC123DEFG',
      teamId: 'DEF123GHIJ',
      topic: TOPIC,
      topics: [TOPIC],
      fingerprint: createHash('sha256').update(`ABC123DEFGDEF123GHIJ`).update(der).digest('hex'),
      files: [token.key],
      notAfterMs: undefined,
    });
  });

  test('with an encrypted key: what is kept is open', () => {
    const locked = file(String(pair.privateKey.export({ ...pkcs8, ...cipher })));
    const passphraseFile = file(PASSPHRASE);
    expect(load({ token: { ...token, key: locked }, passphraseFile, topic: TOPIC })).toMatchObject({
      keyPem: pem,
      files: [locked, passphraseFile],
    });
  });

  const withKey = (content: string): Options => ({ token: { ...token, key: file(content) }, topic: TOPIC });
  const isP8 = /^apns\.token\.key takes the file AuthKey_….p8/;
  bad('RSA', withKey(key), /^apns\.token\.key: \S+ holds a key of type RSA, expected EC P-256$/, isP8);
  const larger = generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).privateKey.export(pkcs8);
  bad('a larger curve', withKey(String(larger)), /holds a key of type EC P-384, expected EC P-256$/, isP8);
  bad('a certificate', withKey(leaf), /^apns\.token\.key: \S+ holds no private key$/, isP8);
  bad('no topic', { token }, /^apns\.topic is not set/, /set apns\.topic/);
  bad(
    'a topic that is not of Mail',
    { token, topic: 'org.example' },
    /\(apns\.topic\) is not one of Mail/,
    /Mail/,
  );
  bad(
    'ids that are none',
    { token: { ...token, keyId: 'abc', teamId: 'DEF123GHIJK' }, topic: TOPIC },
    /^apns\.token\.key_id is "abc", expected 10 .*\napns\.token\.team_id is "DEF123GHIJK", expected 10 /,
    /name of the \.p8 file.*\n.*membership page/,
  );
  bad(
    'a key that is missing',
    { token: { ...token, key: join(dir, 'none') }, topic: TOPIC },
    /^apns\.token\.key: there is no file/,
    /^correct apns\.token\.key/,
  );

  test('its public key is the one that was made', () => {
    const credential = load({ token, topic: TOPIC });
    expect(createPublicKey(credential.keyPem).equals(pair.publicKey)).toBe(true);
  });
});

describe('several credentials', () => {
  const issued = (topic: string, notAfter: Date): string => {
    const validity = { notBefore: new Date(0), notAfter };
    const made = issueClientCertificate(authority, { topic, validity });
    return file(made.certificatePem + made.keyPem);
  };
  const [future, past] = [new Date(Date.now() + 1e9), new Date(Date.now() - 1e9)];
  const [first, second, third] = [1, 2, 3].map((n) => `com.apple.mail.XServer.${n}`) as [
    string,
    string,
    string,
  ];
  const main = { server: SERVER, certificate: issued(first, future) };
  const missing = { certificate: join(dir, 'none') };

  const messageOf = (apns: ApnsConfig): string[] => {
    const error = caught(() => loadCredentials(apns));
    expect(error).toBeInstanceOf(OperatorError);
    expect(error).toMatchObject({ exitCode: ExitCode.configuration });
    return (error as OperatorError).message.split('\n');
  };

  test('the main one alone', () => {
    expect(loadCredentials(main)).toEqual([loadCredential(main)]);
  });

  test('the main one first', () => {
    const also = [{ certificate: issued(second, future) }, { certificate: issued(third, future) }];
    const credentials = loadCredentials({ ...main, also });
    expect(credentials.map(({ topic }) => topic)).toEqual([first, second, third]);
    expect(credentials.map(({ files }) => files)).toEqual(
      [main, ...also].map(({ certificate }) => [certificate]),
    );
    expect(loadCredential({ ...main, also: [missing] }).topic).toBe(first);
  });

  test('those beside the main one may be for calendars and contacts', () => {
    const topics = ['com.apple.calendar.XServer.1', 'com.apple.contact.XServer.1'];
    const also = topics.map((topic) => ({ certificate: issued(topic, future) }));
    expect(loadCredentials({ ...main, also }).map(({ topic }) => topic)).toEqual([first, ...topics]);
  });

  test('one that has expired is left out, but not the main one', () => {
    const also = [{ certificate: issued(second, past) }, { certificate: issued(third, future) }];
    expect(loadCredentials({ ...main, also }).map(({ topic }) => topic)).toEqual([first, third]);
    expect(messageOf({ ...main, certificate: issued(first, past), also })).toEqual([
      expect.stringMatching(/^the certificate in \S+ expired/),
      expect.stringMatching(/^the certificate in \S+ expired/),
    ]);
  });

  test('what is wrong with any of them is told at once, each thing once', () => {
    const also = [missing, { certificate: issued(second, past), topic: third }, missing];
    const error = caught(() => loadCredentials({ server: SERVER, ...missing, also }));
    expect((error as OperatorError).message.split('\n')).toEqual([
      expect.stringMatching(/^apns\.certificate: there is no file/),
      expect.stringMatching(/^apns\.also\[1\]\.certificate: there is no file/),
      expect.stringMatching(/^the certificate in \S+ expired/),
      expect.stringMatching(/^apns\.also\[2\]\.topic \S+ is not covered/),
      expect.stringMatching(/^apns\.also\[3\]\.certificate: there is no file/),
    ]);
    expect((error as OperatorError).hint.split('\n')).toHaveLength(5);
  });

  test('two for the same topic', () => {
    const also = [{ certificate: issued(second, future) }, { certificate: issued(first, future) }];
    expect(messageOf({ ...main, also })).toEqual([`apns.also[2] is for the topic ${first}, and so is apns`]);
    const inspected = inspectCredentials({ ...main, also });
    expect(inspected.map(({ credential }) => credential?.topic)).toEqual([first, second, undefined]);
    expect(inspected.map(({ defects }) => defects.length)).toEqual([0, 0, 1]);
  });
});

describe("Apple's servers", () => {
  const servers = {
    production: new URL('https://api.push.apple.com:443'),
    sandbox: new URL('https://api.sandbox.push.apple.com:2197'),
  };
  const certificateFor = (...environments: Environment[]): string => {
    const made = issueClientCertificate(authority, { topic: TOPIC, environments });
    return file(made.certificatePem + made.keyPem);
  };
  const accepted: [Environment[], (keyof typeof servers)[]][] = [
    [
      ['production', 'development'],
      ['production', 'sandbox'],
    ],
    [['production'], ['production']],
    [['development'], ['sandbox']],
    [[], ['production', 'sandbox']],
  ];
  test.each(accepted)('a certificate for %j is for %j', (environments, names) => {
    const certificate = certificateFor(...environments);
    const works = (server: URL): boolean =>
      caught(() => loadCredential({ server, certificate })) === undefined;
    expect(loadCredential({ server: SERVER, certificate })).toMatchObject({ environments });
    expect(Object.entries(servers).flatMap(([name, server]) => (works(server) ? [name] : []))).toEqual(names);
  });

  test.each([
    [
      'production',
      'development',
      /is for Apple's sandbox only, and apns\.server is production$/,
      /for production/,
    ],
    [
      'sandbox',
      'production',
      /is not for Apple's sandbox, and apns\.server is sandbox$/,
      /server: production/,
    ],
  ] as const)('%s with a certificate for %s', (name, environment, message, hint) => {
    const certificate = certificateFor(environment);
    const error = caught(() => loadCredential({ server: servers[name], certificate }));
    expect(error).toMatchObject({
      exitCode: ExitCode.configuration,
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
    });
  });
});

test('a file that this user may not read: the error names the user', () => {
  const certificate = file(leaf + key);
  chmodSync(certificate, 0o000);
  const error = asNobody(() => load({ certificate }));
  expect(error).toBeInstanceOf(OperatorError);
  expect((error as Error).message).toMatch(/cannot be read by user (?!root)\S+: permission denied/);
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
