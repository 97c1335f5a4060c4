import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { type CertificateFacts, certificateFacts } from '../../src/apns/credentials/certificate-facts.ts';
import { loadCredential, type CertificateCredential } from '../../src/apns/credentials/credentials.ts';
import type { ApnsConfig } from '../../src/config/config.ts';
import { OperatorError } from '../../src/process/errors.ts';
import { describeWith } from '../support/needs.ts';
import {
  appleExtensions,
  createWorkshop,
  joinPkcs12,
  openssl,
  opensslAvailability,
  UID_TOPIC,
  type Workshop,
} from './credential-workshop.ts';

type Options = Partial<Omit<ApnsConfig, 'server'>>;

const PASSPHRASE = 'offen, groß';
const SERVER = new URL('https://localhost');

let workshop: Workshop;

function load(options: Options): CertificateCredential {
  const credential = loadCredential({ server: SERVER, ...options });
  if (credential.kind === 'token') throw new Error('it is a token');
  return credential;
}

/** SHA-256 of the certificate as `openssl` tells it. */
function fingerprintBy(...args: string[]): string {
  const printed = openssl('x509', '-noout', '-fingerprint', '-sha256', ...args);
  return (/=(.*)/.exec(printed)?.[1] ?? '').replaceAll(':', '').toLowerCase();
}

function publicKeyOf({ keyPem, passphrase }: CertificateCredential): string {
  const key = createPrivateKey({ key: keyPem, ...(passphrase !== undefined && { passphrase }) });
  return String(createPublicKey(key).export({ type: 'spki', format: 'pem' }));
}

/** What we read of a PKCS#12 file is what `openssl` reads. */
function expectAsOpenssl(file: string, options: Options, ...passin: string[]): void {
  const credential = load({ certificate: file, ...options });
  const read = ['pkcs12', '-in', file, ...passin, '-nodes'];
  const leaf = workshop.file(openssl(...read, '-nokeys', '-clcerts'));
  expect(credential.fingerprint).toBe(fingerprintBy('-in', leaf));
  const key = workshop.file(openssl(...read, '-nocerts'));
  expect(publicKeyOf(credential)).toBe(openssl('pkey', '-in', key, '-pubout'));
  expect(credential).toMatchObject({
    kind: 'certificate',
    topic: UID_TOPIC,
    files: expect.arrayContaining([file]) as unknown,
  });
}

function messageOf(options: Options): string {
  try {
    load(options);
  } catch (error) {
    expect(error).toBeInstanceOf(OperatorError);
    expect(error).toMatchObject({ exitCode: 78, hint: expect.stringMatching(/\w/) as string });
    expect((error as Error).message).not.toContain(PASSPHRASE);
    return (error as Error).message;
  }
  throw new Error('it was accepted');
}

/** Makes its files while tests are collected. */
function body(): void {
  workshop = createWorkshop();
  afterAll(() => workshop.remove());
  const { file, key, certificate, pkcs12, ca } = workshop;
  const passphraseFile = file(`${PASSPHRASE}\n`);
  const extensions = appleExtensions({ topics: [UID_TOPIC, `${UID_TOPIC}.voip`] });
  const subject = `/UID=${UID_TOPIC}/CN=APSP:1234/O=Größe \\+ Söhne, GmbH/C=DE`;
  const [rsa, ec] = [key('rsa'), key('ec')];
  const leaf = {
    rsa: certificate({ key: rsa, subject, extensions }),
    ec: certificate({ key: ec, subject, extensions }),
  };
  const textOf = (...files: string[]): string => files.map((name) => readFileSync(name, 'utf8')).join('');

  describe.each(['rsa', 'ec'] as const)('PEM, %s', (type) => {
    const [own, ofLeaf] = [leaf[type], key(type)];
    const traditional = type === 'rsa' ? ['rsa', '-traditional'] : ['ec'];
    const shapes: [string, Options][] = [
      ['leaf and key apart', { certificate: own, key: ofLeaf }],
      ['leaf, key', { certificate: file(textOf(own, ofLeaf)) }],
      ['key, leaf', { certificate: file(textOf(ofLeaf, own)) }],
      ['leaf, chain, key', { certificate: file(textOf(own, ca, ofLeaf)) }],
      ['chain, key, leaf', { certificate: file(textOf(ca, ofLeaf, own)) }],
      ['with text', { certificate: file(openssl('x509', '-text', '-in', own)), key: ofLeaf }],
      ['leaf as DER', { certificate: file(derOf(own)), key: ofLeaf }],
      ['key in its older form', { certificate: own, key: file(openssl(...traditional, '-in', ofLeaf)) }],
    ];
    test.each(shapes)('%s', (_name, options) => {
      const credential = load(options);
      expect(credential.fingerprint).toBe(fingerprintBy('-in', own));
      expect(publicKeyOf(credential)).toBe(openssl('pkey', '-in', ofLeaf, '-pubout'));
      expect(credential.topics).toEqual([UID_TOPIC, `${UID_TOPIC}.voip`]);
      expect(credential.environments).toEqual(['production', 'development']);
      expect(credential.passphrase).toBeUndefined();
      const end = openssl('x509', '-in', own, '-noout', '-enddate').replace('notAfter=', '');
      expect(credential.notAfterMs).toBe(Date.parse(end));
    });

    const pass = ['-passout', `pass:${PASSPHRASE}`];
    const encrypted: [string, string[]][] = [
      ['PKCS#8, AES', ['pkcs8', '-topk8', '-v2', 'aes-256-cbc']],
      ['PKCS#8, 3DES', ['pkcs8', '-topk8', '-v2', 'des3']],
      ['PKCS#8, 3DES of PKCS#12', ['pkcs8', '-topk8', '-v1', 'PBE-SHA1-3DES']],
      ['Proc-Type, AES', [...traditional, '-aes128']],
      ['Proc-Type, 3DES', [...traditional, '-des3']],
    ];
    test.each(encrypted)('key encrypted: %s', (_name, command) => {
      const locked = file(openssl(...command, '-in', ofLeaf, ...pass));
      expect(load({ certificate: own, key: locked, passphraseFile })).toMatchObject({
        passphrase: PASSPHRASE,
      });
      expect(publicKeyOf(load({ certificate: file(textOf(own, locked)), passphraseFile }))).toBe(
        openssl('pkey', '-in', ofLeaf, '-pubout'),
      );
      expect(messageOf({ certificate: own, key: locked })).toMatch(
        /^apns\.key: .* is encrypted and there is no/,
      );
      const wrong = { certificate: own, key: locked, passphraseFile: file('') };
      expect(messageOf(wrong)).toMatch(/^apns\.key: the passphrase does not open/);
    });
  });

  const ALGORITHMS: [string, string[]][] = [
    ['the default: AES-256, MAC with SHA-256', []],
    ['AES-128, MAC with SHA-1', ['-keypbe', 'AES-128-CBC', '-certpbe', 'AES-128-CBC', '-macalg', 'sha1']],
    ['3DES of PKCS#12', ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1']],
    ['certificates not encrypted', ['-certpbe', 'NONE']],
    ['key not encrypted', ['-keypbe', 'NONE']],
    ['without MAC', ['-nomac']],
  ];

  describe.each(['rsa', 'ec'] as const)('PKCS#12, %s', (type) => {
    const made = (passphrase: string, args: string[]): string =>
      pkcs12(leaf[type], key(type), '-certfile', ca, '-passout', `pass:${passphrase}`, ...args);

    test.each(ALGORITHMS)('%s, with a passphrase', (_name, args) => {
      const p12 = made(PASSPHRASE, args);
      const checked = args.includes('-nomac') ? ['-nomacver'] : [];
      expectAsOpenssl(p12, { passphraseFile }, '-passin', `pass:${PASSPHRASE}`, ...checked);
      expect(load({ certificate: p12, passphraseFile }).certificatePem.match(/BEGIN/g)).toHaveLength(2);
      if (args.includes('-nomac')) return; // then nothing but padding tells a wrong one
      expect(messageOf({ certificate: p12 })).toMatch(/is encrypted and there is no passphrase/);
      expect(messageOf({ certificate: p12, passphraseFile: file('x') })).toMatch(/passphrase does not open/);
    });

    test.each(ALGORITHMS)('%s, with an empty passphrase', (_name, args) => {
      const p12 = made('', args);
      const checked = args.includes('-nomac') ? ['-nomacver'] : [];
      expectAsOpenssl(p12, {}, '-passin', 'pass:', ...checked);
      expectAsOpenssl(p12, { passphraseFile: file('\n') }, '-passin', 'pass:', ...checked);
    });

    test('neither encryption nor MAC', () => {
      const p12 = made('', ['-keypbe', 'NONE', '-certpbe', 'NONE', '-nomac']);
      expectAsOpenssl(p12, {}, '-passin', 'pass:', '-nomacver');
    });

    test('the key alone, or the leaf alone with its key elsewhere', () => {
      const pass = ['-passout', `pass:${PASSPHRASE}`];
      const keyOnly = pkcs12(leaf[type], key(type), '-nocerts', ...pass);
      expect(load({ certificate: leaf[type], key: keyOnly, passphraseFile }).topic).toBe(UID_TOPIC);
      expect(messageOf({ certificate: keyOnly, passphraseFile })).toMatch(/holds no certificate/);
      const leafOnly = pkcs12(leaf[type], key(type), '-nokeys', ...pass);
      expect(load({ certificate: leafOnly, key: key(type), passphraseFile }).topic).toBe(UID_TOPIC);
      expect(messageOf({ certificate: leafOnly, passphraseFile })).toMatch(/no private key/);
    });

    test('a cipher that is not supported', () => {
      const p12 = made(PASSPHRASE, ['-keypbe', 'CAMELLIA-128-CBC', '-certpbe', 'CAMELLIA-128-CBC']);
      expect(messageOf({ certificate: p12, passphraseFile })).toMatch(
        /encrypted by a method that is not supported/,
      );
    });
  });

  describe('several certificates and keys', () => {
    const other = workshop.certificate({
      key: ec,
      subject: '/CN=calendars/UID=com.apple.calendar.XServer.1',
      extensions,
    });
    const open = ['-keypbe', 'NONE', '-certpbe', 'NONE', '-nomac', '-passout', 'pass:'];
    const parts = [pkcs12(other, ec, ...open), pkcs12(leaf.rsa, rsa, '-certfile', ca, ...open)];

    test.each([
      ['the other first', parts],
      ['the other last', [...parts].reverse()],
    ])('in one PKCS#12, %s', (_name, files) => {
      const p12 = file(joinPkcs12(files));
      const listed = openssl('pkcs12', '-in', p12, '-nomacver', '-passin', 'pass:', '-nodes');
      expect(listed.match(/BEGIN CERTIFICATE/g)).toHaveLength(3);
      expect(listed.match(/BEGIN PRIVATE KEY/g)).toHaveLength(2);
      const credential = load({ certificate: p12 });
      expect(credential.fingerprint).toBe(fingerprintBy('-in', leaf.rsa));
      expect(credential.certificatePem.match(/BEGIN/g)).toHaveLength(2);
    });

    test('in one PEM: the one that apns.topic names, else the one that holds longest', () => {
      const topic = 'com.apple.mail.XServer.2';
      const longer = certificate({ key: ec, subject: `/UID=${topic}`, days: 95 });
      const both = file(textOf(leaf.rsa, longer, rsa, ec));
      expect(load({ certificate: both }).topic).toBe(topic);
      expect(load({ certificate: both, topic: UID_TOPIC }).fingerprint).toBe(fingerprintBy('-in', leaf.rsa));
    });

    test('a renewed certificate beside the former one with the same key', () => {
      const renewed = certificate({ key: rsa, subject, extensions, days: 120 });
      for (const files of [
        [leaf.rsa, renewed],
        [renewed, leaf.rsa],
      ])
        expect(load({ certificate: file(textOf(...files, rsa)) }).fingerprint).toBe(
          fingerprintBy('-in', renewed),
        );
    });
  });

  test('names and keys as they were given', () => {
    const facts = (path: string): CertificateFacts =>
      certificateFacts(new X509Certificate(readFileSync(path)));
    expect(facts(leaf.rsa)).toMatchObject({
      commonName: 'APSP:1234',
      organization: 'Größe + Söhne, GmbH',
      issuer: 'Workshop Authority',
      key: { type: 'RSA', bits: 2048 },
    });
    expect(facts(leaf.ec).key).toEqual({ type: 'EC', bits: 256, curve: 'P-256' });
    const nameless = certificate({ key: ec, subject: `/C=DE/UID=${UID_TOPIC}` });
    expect(facts(nameless)).toMatchObject({
      commonName: undefined,
      organization: undefined,
      subject: `C=DE, UID=${UID_TOPIC}`,
    });
  });

  describe('the UID wherever it stands in the subject', () => {
    test.each([
      [`/UID=${UID_TOPIC}`],
      [`/CN=x/UID=${UID_TOPIC}`],
      [`/C=DE/UID=${UID_TOPIC}/CN=UID=com.apple.mail.false`],
      [`/CN=multi+UID=${UID_TOPIC}/O=y`],
      [`/O=a \\+ UID=com.apple.mail.false/UID=${UID_TOPIC}`],
      [`/UID=somebody/UID=${UID_TOPIC}`],
    ])('%s', (order) => {
      const made = certificate({ key: rsa, subject: order });
      expect(load({ certificate: made, key: rsa })).toMatchObject({ topic: UID_TOPIC, environments: [] });
    });
  });

  describeWith(
    'an openssl with its legacy provider',
    opensslAvailability('legacy'),
    'with the old ciphers of the Keychain',
    () => {
      const legacy = ['-provider', 'legacy', '-provider', 'default'];

      test.each([
        ['rsa', PASSPHRASE],
        ['rsa', ''],
        ['ec', PASSPHRASE],
        ['ec', ''],
      ] as const)('PKCS#12 with RC2-40 and 3DES: %s, passphrase %j', (type, passphrase) => {
        const p12 = pkcs12(
          leaf[type],
          key(type),
          '-legacy',
          '-certfile',
          ca,
          '-passout',
          `pass:${passphrase}`,
        );
        const ours = passphrase === '' ? {} : { passphraseFile };
        expectAsOpenssl(p12, ours, '-legacy', '-passin', `pass:${passphrase}`);
        if (passphrase !== '')
          expect(messageOf({ certificate: p12 })).toMatch(/is encrypted and there is no passphrase/);
      });

      test.each([
        ['PBE-SHA1-RC2-40', ['pkcs8', '-topk8', '-v1', 'PBE-SHA1-RC2-40']],
        ['PBE-MD5-DES', ['pkcs8', '-topk8', '-v1', 'PBE-MD5-DES']],
        ['DES, Proc-Type', ['rsa', '-traditional', '-des']],
      ])('a key in PEM that Node does not open: %s', (_name, command) => {
        const locked = file(openssl(...command, '-in', rsa, '-passout', `pass:${PASSPHRASE}`, ...legacy));
        expect(messageOf({ certificate: leaf.rsa, key: locked, passphraseFile })).toMatch(
          /^apns\.key: .* encrypted by a method that is not supported$/,
        );
      });
    },
  );
}

function derOf(pem: string): Buffer {
  return Buffer.from(readFileSync(pem, 'utf8').replace(/-----.*-----|\s/g, ''), 'base64');
}

describeWith('openssl', opensslAvailability('default'), 'files that openssl makes', body);
