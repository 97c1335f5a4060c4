import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadCredential } from '../../src/apns/credentials/credentials.ts';
import { createAuthority, issueClientCertificate, writePkcs12 } from '../../src/apns/credentials/pki.ts';
import { importCredential, type ImportOptions } from '../../src/cert/import.ts';
import { readConfig } from '../../src/config/read.ts';
import { parseYaml } from '../../src/config/yaml.ts';
import { parseImapdConf } from '../../src/config/imapd-conf.ts';
import { ExitCode, OperatorError } from '../../src/process/errors.ts';

const TOPIC = 'com.apple.mail.XServer.11111111-2222-4333-8444-555555555555';
const PASSPHRASE = 'streng geheim';
const NOW_MS = Date.now();

const authority = createAuthority('test authority');
const issued = issueClientCertificate(authority, { topic: TOPIC });
const { certificatePem: leaf, keyPem: key } = issued;
const locked = String(
  createPrivateKey(key).export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: PASSPHRASE,
  }),
);

let dir: string;
let folder: string;
let passphraseFile: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'xapplepush-import-'));
  folder = mkdtempSync(join(dir, 'to-'));
  passphraseFile = file(`${PASSPHRASE}\n`);
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const isRoot = process.geteuid?.() === 0;

function file(content: string | Buffer): string {
  const path = join(mkdtempSync(join(dir, 'from-')), 'file');
  writeFileSync(path, content);
  return path;
}

function run(path: string, options: Partial<ImportOptions> = {}): string {
  return importCredential({
    file: path,
    dir: folder,
    passphraseFile,
    force: false,
    nowMs: NOW_MS,
    ...options,
  });
}

function refusal(path: string, options: Partial<ImportOptions> = {}): OperatorError {
  try {
    run(path, options);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    expect(error).toMatchObject({ exitCode: ExitCode.badInput, hint: expect.stringMatching(/\w/) as string });
    return error;
  }
  throw new Error('it was imported');
}

describe.each([
  ['PKCS#12', writePkcs12(issued, PASSPHRASE), false],
  ['PEM with the chain first', authority.certificatePem + key + leaf, true],
  ['PEM with an encrypted key', leaf + locked, false],
] as const)('%s', (_name, content, hasChain) => {
  test('becomes two files that can be used without a passphrase', () => {
    run(file(content));
    expect(readdirSync(folder).sort()).toEqual(['mail.key', 'mail.pem']);
    const [certificate, keyFile] = [join(folder, 'mail.pem'), join(folder, 'mail.key')];
    expect([certificate, keyFile].map((path) => statSync(path).mode & 0o7777)).toEqual([0o644, 0o600]);
    expect(readFileSync(keyFile, 'utf8')).toBe(key);
    const pem = readFileSync(certificate, 'utf8');
    expect(new X509Certificate(pem).fingerprint256).toBe(new X509Certificate(leaf).fingerprint256);
    expect(pem.match(/BEGIN/g)).toHaveLength(hasChain ? 2 : 1);
    const credential = loadCredential(
      { server: new URL('https://localhost'), certificate, key: keyFile },
      NOW_MS,
    );
    expect(credential.topic).toBe(TOPIC);
  });

  test('gives lines that can be pasted', () => {
    const text = run(file(content), { dir: relative(process.cwd(), folder) });
    const apns = text.slice(text.indexOf('apns:'), text.indexOf('\n\n', text.indexOf('apns:')));
    expect(readConfig(parseYaml(apns).root, undefined)).toMatchObject({
      config: { apns: { certificate: join(folder, 'mail.pem'), key: join(folder, 'mail.key') } },
    });
    expect(parseImapdConf(text).get('aps_topic')).toBe(TOPIC);
    expect(text).not.toMatch(/PRIVATE KEY|MIIE/);
  });
});

test('a path that YAML would read otherwise is quoted', () => {
  folder = mkdtempSync(join(dir, 'to: #'));
  expect(run(file(leaf + key))).toContain(`  key: ${JSON.stringify(join(folder, 'mail.key'))}\n`);
});

test('what is there is replaced with --force only', () => {
  const first = file(leaf + key);
  run(first);
  const renewed = issueClientCertificate(authority, { topic: TOPIC });
  const second = file(renewed.certificatePem + renewed.keyPem);
  expect(refusal(second).message).toBe(
    `there is already ${join(folder, 'mail.key')} and ${join(folder, 'mail.pem')}`,
  );
  expect(readFileSync(join(folder, 'mail.key'), 'utf8')).toBe(key);
  run(second, { force: true });
  expect(readFileSync(join(folder, 'mail.key'), 'utf8')).toBe(renewed.keyPem);
  expect(readdirSync(folder)).toHaveLength(2);
});

describe('what root writes', () => {
  test('belongs to the owner of the folder', () => {
    const owner = isRoot ? [4711, 4712] : [statSync(folder).uid, statSync(folder).gid];
    if (isRoot) chownSync(folder, 4711, 4712);
    const text = run(file(leaf + key));
    for (const name of ['mail.pem', 'mail.key']) {
      const { uid, gid } = statSync(join(folder, name));
      expect([uid, gid]).toEqual(owner);
    }
    expect(text).not.toContain('chown');
  });

  test("into root's folder: it says who must be able to read the key", () => {
    expect(run(file(leaf + key)).includes(`chown cyrus ${join(folder, 'mail.key')}`)).toBe(isRoot);
  });
});

describe('what is refused, and nothing written', () => {
  const past = { notBefore: new Date(0), notAfter: new Date(1e12) };
  const made = (options: object): string => {
    const { certificatePem, keyPem } = issueClientCertificate(authority, { topic: TOPIC, ...options });
    return certificatePem + keyPem;
  };
  test.each([
    ['a certificate without its key', leaf, /^there is no private key in /],
    [
      'the key of another',
      leaf + issueClientCertificate(authority, { topic: TOPIC }).keyPem,
      /does not match/,
    ],
    ['an expired one', made({ validity: past }), /expired on 2001-09-09/],
    ['one of MDM', made({ topic: 'com.apple.mgmt.External.1' }), /not one of Mail/],
    [
      'an expired one of MDM',
      made({ topic: 'com.apple.mgmt.1', validity: past }),
      /expired.*\n.*not one of Mail/,
    ],
    ['text', 'hello', /neither PEM nor PKCS#12/],
    ['a wrong passphrase', writePkcs12(issued, 'another'), /passphrase does not open/],
  ])('%s', (_name, content, want) => {
    const { message } = refusal(file(content));
    expect(message).toMatch(want);
    expect(message).not.toContain(PASSPHRASE);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a folder that is none', () => {
    expect(refusal(file(leaf + key), { dir: join(dir, 'none') })).toMatchObject({
      message: expect.stringMatching(/^--to: cannot use \S+: ENOENT/) as string,
      hint: expect.stringContaining(`install -d -m 0750 -o USER -g GROUP ${join(dir, 'none')}`) as string,
    });
    expect(refusal(file(leaf + key), { dir: passphraseFile }).message).toMatch(/is not a folder$/);
  });

  test('a file that is missing', () => {
    expect(refusal(join(dir, 'none')).message).toMatch(/^FILE: there is no file/);
  });
});
