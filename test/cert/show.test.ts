import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createAuthority, issueClientCertificate, writePkcs12 } from '../../src/apns/credentials/pki.ts';
import type { Description } from '../../src/cert/description.ts';
import { showConfigured, showFile } from '../../src/cert/show.ts';
import type { ApnsConfig } from '../../src/config/config.ts';
import { ExitCode, OperatorError } from '../../src/process/errors.ts';

const TOPIC = 'com.apple.mail.XServer.11111111-2222-4333-8444-555555555555';
const PASSPHRASE = 'streng geheim';
const day = (n: number): Date => new Date(Date.UTC(2026, 0, n));
const NOW_MS = day(10).getTime();

const dir = mkdtempSync(join(tmpdir(), 'xapplepush-show-'));
afterAll(() => {
  rmSync(dir, { recursive: true });
});

let count = 0;
function file(content: string | Buffer, mode = 0o600): string {
  const path = join(dir, `file${(count += 1)}`);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

const authority = createAuthority('test authority');
const validity = { notBefore: day(1), notAfter: day(101) };
const topics = [TOPIC, `${TOPIC}.voip`];
const { certificatePem: leaf, keyPem: key } = issueClientCertificate(authority, {
  topic: TOPIC,
  topics,
  validity,
});
const other = issueClientCertificate(authority, { topic: TOPIC, validity });
const lockedKey = String(
  createPrivateKey(key).export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: PASSPHRASE,
  }),
);

function described(path: string, passphraseFile?: string): { description: Description; exitCode: ExitCode } {
  const { text, exitCode } = showFile(path, passphraseFile, true, NOW_MS);
  const [description, ...rest] = JSON.parse(text) as Description[];
  if (description === undefined || rest.length > 0) throw new Error(text);
  return { description, exitCode };
}

function wordsOf(path: string): string {
  return showFile(path, undefined, false, NOW_MS).text;
}

/** What stands after the label in each line that has it. */
function linesOf(text: string, label: string): string[] {
  return [...text.matchAll(new RegExp(`^  ${label} +(.*)$`, 'gm'))].map(([, rest = '']) => rest);
}

describe('a file', () => {
  const whole = file(leaf + authority.certificatePem + key);

  test('in words', () => {
    const [fingerprint] = linesOf(wordsOf(whole), 'fingerprint');
    expect(fingerprint).toMatch(/^SHA-256 [0-9a-f]{64}$/);
    expect(wordsOf(whole)).toBe(`${whole}
  topic         ${TOPIC}
  topics        ${TOPIC}, ${TOPIC}.voip
  common name   APSP:${TOPIC.slice(-36)}
  issuer        test authority
  valid         2026-01-01T00:00:00Z to 2026-04-11T00:00:00Z, 91 days left
  environments  production, development
  key           RSA, 2048 bits; the private key matches
  chain         test authority
  fingerprint   ${fingerprint}
  file          ${whole}, mode 0600
`);
    expect(showFile(whole, undefined, false, NOW_MS).exitCode).toBe(ExitCode.ok);
  });

  test('as JSON', () => {
    const { description, exitCode } = described(whole);
    expect(exitCode).toBe(ExitCode.ok);
    expect(description).toEqual({
      credential: whole,
      kind: 'certificate',
      kinds: ['mail'],
      files: [{ path: whole, mode: '0600' }],
      topic: TOPIC,
      topics,
      commonName: `APSP:${TOPIC.slice(-36)}`,
      organization: null,
      issuer: 'test authority',
      notBefore: '2026-01-01T00:00:00Z',
      notAfter: '2026-04-11T00:00:00Z',
      daysLeft: 91,
      environments: ['production', 'development'],
      keyId: null,
      teamId: null,
      key: { type: 'RSA', bits: 2048 },
      keyMatches: true,
      chain: ['test authority'],
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      warnings: [],
      problems: [],
    });
  });

  test('without its key is fine', () => {
    const { description, exitCode } = described(file(leaf));
    expect(description).toMatchObject({ keyMatches: null, key: { type: 'RSA' }, problems: [] });
    expect(exitCode).toBe(ExitCode.ok);
    expect(linesOf(wordsOf(file(leaf)), 'key')).toEqual([
      'RSA, 2048 bits; the private key is not in this file',
    ]);
  });

  test('in PKCS#12 needs its passphrase', () => {
    const p12 = file(writePkcs12({ certificatePem: leaf, keyPem: key }, PASSPHRASE));
    expect(described(p12, file(`${PASSPHRASE}\n`))).toMatchObject({
      exitCode: ExitCode.ok,
      description: { topic: TOPIC, keyMatches: true },
    });
    const without = described(p12);
    expect(without).toMatchObject({ exitCode: ExitCode.badInput, description: { topic: null, key: null } });
    expect(without.description.problems).toEqual([
      {
        message: `FILE: ${p12} is encrypted and there is no passphrase for it`,
        hint: expect.stringContaining('--passphrase-file') as string,
      },
    ]);
  });

  test('never shows keys or passphrases', () => {
    const secrets = [file(leaf + key), file(leaf + lockedKey)];
    const passphraseFile = file(PASSPHRASE);
    for (const path of secrets)
      for (const json of [true, false]) {
        const { text } = showFile(path, passphraseFile, json, NOW_MS);
        expect(text).toContain(TOPIC);
        expect(text).not.toMatch(/PRIVATE KEY|BEGIN|MIIE/);
        expect(text).not.toContain(PASSPHRASE);
      }
  });
});

describe('a defect stands beside the facts', () => {
  const issued = (options: Partial<Parameters<typeof issueClientCertificate>[1]>): string => {
    const made = issueClientCertificate(authority, { topic: TOPIC, validity, ...options });
    return file(made.certificatePem + made.keyPem);
  };
  const defective: [string, string, RegExp, Partial<Description>][] = [
    [
      'expired',
      issued({ validity: { notBefore: day(1), notAfter: day(3) } }),
      /expired on 2026-01-03/,
      { daysLeft: -7 },
    ],
    [
      'not yet valid',
      issued({ validity: { notBefore: day(11), notAfter: day(20) } }),
      /not valid before 2026-01-11/,
      {},
    ],
    [
      'MDM',
      issued({ topic: 'com.apple.mgmt.External.1' }),
      /not one of Mail/,
      { topic: 'com.apple.mgmt.External.1' },
    ],
    [
      'UID and list differ',
      issued({ topics: [`${TOPIC}.x`] }),
      /not in the list/,
      { topics: [`${TOPIC}.x`] },
    ],
    ['another key', file(leaf + other.keyPem), /does not match/, { keyMatches: false, topic: TOPIC }],
    ['a locked key', file(leaf + lockedKey), /is encrypted/, { keyMatches: null, topic: TOPIC }],
    [
      'a damaged key',
      file(leaf + key.replace('MII', 'MIA')),
      /is damaged/,
      { keyMatches: null, topic: TOPIC },
    ],
    ['a key alone', file(key), /holds no certificate/, { topic: null, key: { type: 'RSA', bits: 2048 } }],
    ['text', file('hello'), /neither PEM nor PKCS#12/, { topic: null, key: null }],
    ['nothing', join(dir, 'none'), /there is no file/, { files: [{ path: join(dir, 'none'), mode: null }] }],
  ];

  test.each(defective)('%s', (_name, path, want, facts) => {
    const { description, exitCode } = described(path);
    expect(exitCode).toBe(ExitCode.badInput);
    expect(description).toMatchObject(facts);
    expect(description.problems.map(({ message }) => message)).toEqual([expect.stringMatching(want)]);
    const words = wordsOf(path);
    expect(linesOf(words, 'problem')).toEqual(description.problems.map(({ message }) => message));
    expect(linesOf(words, 'hint')).toEqual(description.problems.map(({ hint }) => hint));
  });

  test('several are all told', () => {
    const { description } = described(
      issued({ topic: 'com.apple.mgmt.1', validity: { notBefore: day(1), notAfter: day(2) } }),
    );
    expect(description.problems).toHaveLength(2);
  });

  test('in words: what is over, and a key that is another', () => {
    expect(linesOf(wordsOf(defective[0]![1]), 'valid')).toEqual([
      '2026-01-01T00:00:00Z to 2026-01-03T00:00:00Z, over for 7 days',
    ]);
    expect(linesOf(wordsOf(defective[4]![1]), 'key')).toEqual([
      'RSA, 2048 bits; the private key does not match',
    ]);
    expect(linesOf(wordsOf(file(key)), 'key')).toEqual([
      'RSA, 2048 bits; a private key without a certificate',
    ]);
  });

  test('what a certificate says cannot paint the screen', () => {
    const topic = `${TOPIC}\u202e\u001b[31m`;
    const text = wordsOf(issued({ topic }));
    expect(text).not.toMatch(/[\u202e\u001b]/);
  });
});

describe('warnings', () => {
  test.each([
    [0o644, /^everybody on this host can read \S+, which holds a secret: chmod 0640 /],
    [0o660, /^its group can write to \S+: chmod 0640 /],
    [0o602, /^everybody can write to \S+: chmod 0600 /],
  ])('mode %o of a file with its key', (mode, want) => {
    const { description, exitCode } = described(file(leaf + key, mode));
    expect(description.warnings).toEqual([expect.stringMatching(want)]);
    expect(exitCode).toBe(ExitCode.ok);
  });

  test.each([
    [leaf, 0o644],
    [leaf + key, 0o640],
  ])('none for what may be read so', (content, mode) => {
    expect(described(file(content, mode)).description.warnings).toEqual([]);
  });

  test('a passphrase that everybody can read', () => {
    const passphraseFile = file(PASSPHRASE, 0o644);
    expect(described(file(leaf + lockedKey), passphraseFile).description.warnings).toEqual([
      expect.stringContaining(passphraseFile),
    ]);
  });

  test('an end that is near', () => {
    const soon = issueClientCertificate(authority, {
      topic: TOPIC,
      validity: { notBefore: day(1), notAfter: day(15) },
    });
    const path = file(soon.certificatePem + soon.keyPem);
    const warning = `the certificate in ${path} for ${TOPIC} expires in 5 days, on 2026-01-15T00:00:00Z; renew it under the same topic`;
    expect(described(path).description.warnings).toEqual([warning]);
    expect(linesOf(wordsOf(path), 'warning')).toEqual([warning]);
  });
});

describe('what is configured', () => {
  const server = new URL('https://localhost');
  const p8 = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  });
  const token = { key: file(String(p8)), keyId: 'ABC123DEFG', teamId: 'DEF123GHIJ' };
  const [certificate, keyFile] = [file(leaf, 0o644), file(key)];
  const tokenTopic = 'com.apple.mail.XServer.2';

  test('every credential, with its place', () => {
    const apns: ApnsConfig = { server, certificate, key: keyFile, also: [{ token, topic: tokenTopic }] };
    const { text, exitCode } = showConfigured(apns, false, NOW_MS);
    expect(exitCode).toBe(ExitCode.ok);
    const [first = '', second = ''] = text.split('\n\n');
    expect(first).toContain(`apns: ${certificate}\n  topic         ${TOPIC}\n`);
    expect(linesOf(first, 'file')).toEqual([`${certificate}, mode 0644`, `${keyFile}, mode 0600`]);
    expect(second).toBe(`apns.also[1]: ${token.key}
  topic         ${tokenTopic}
  key id        ABC123DEFG
  team id       DEF123GHIJ
  key           EC P-256
  file          ${token.key}, mode 0600
`);
  });

  test('one problem anywhere gives 65', () => {
    const also = [{ certificate, key: token.key }];
    const { text, exitCode } = showConfigured({ server, token, topic: tokenTopic, also }, true, NOW_MS);
    expect(exitCode).toBe(ExitCode.badInput);
    const descriptions = JSON.parse(text) as Description[];
    expect(descriptions.map(({ credential, problems }) => [credential, problems.length])).toEqual([
      ['apns', 0],
      ['apns.also[1]', 1],
    ]);
  });

  test('nothing', () => {
    expect(() => showConfigured({ server }, false, NOW_MS)).toThrow(OperatorError);
    expect(() => showConfigured({ server }, false, NOW_MS)).toThrow(/apns\.certificate is not set/);
  });
});
