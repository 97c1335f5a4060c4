import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import type Forge from 'node-forge';
import { messageOf } from '../../process/errors.ts';
import type { Environment } from './apple-extensions.ts';

/** A certificate and its RSA key, both PEM. */
export interface KeyPair {
  certificatePem: string;
  keyPem: string;
}

export interface Validity {
  notBefore: Date;
  notAfter: Date;
}

type Asn1 = Forge.asn1.Asn1;
type Attributes = Forge.pki.CertificateField[];
type Extension = Record<string, unknown>;

// Apple's extensions: WWDR Certification Practice Statement.
const ENVIRONMENT_OIDS = {
  development: '1.2.840.113635.100.6.3.1',
  production: '1.2.840.113635.100.6.3.2',
} satisfies Record<Environment, string>;
const APNS_TOPICS_OID = '1.2.840.113635.100.6.3.6';
const USER_ID_OID = '0.9.2342.19200300.100.1.1'; // RFC 4519, 2.39

const DAY_MS = 24 * 3600 * 1000;

/** Loaded at the first call: most processes need no certificate. */
function forge(): typeof Forge {
  return createRequire(import.meta.url)('node-forge') as typeof Forge;
}

/**
 * What a PKCS#12 file holds, as PEM: RC2-40 and 3DES as Keychain writes them, AES as OpenSSL 3 does.
 * Throws an Error that says `password` or `decrypt` where the passphrase does not open it, and `unsupported` where
 * the cipher is unknown.
 */
export function readPkcs12(der: Buffer, passphrase: string): { certificates: string[]; keys: string[] } {
  const { pki } = forge();
  const bags = openPkcs12(der, passphrase).safeContents.flatMap((safe) => safe.safeBags);
  const derOf = (bag: Forge.pkcs12.Bag): Asn1 => {
    if (bag.cert) return pki.certificateToAsn1(bag.cert);
    return bag.key ? pki.wrapRsaPrivateKey(pki.privateKeyToAsn1(bag.key)) : bag.asn1;
  };
  const pemOf = (label: string, ...types: (string | undefined)[]): string[] =>
    bags.filter((bag) => types.includes(bag.type)).map((bag) => pem(label, derOf(bag)));
  return {
    certificates: pemOf('CERTIFICATE', pki.oids['certBag']),
    keys: pemOf('PRIVATE KEY', pki.oids['keyBag'], pki.oids['pkcs8ShroudedKeyBag']),
  };
}

function openPkcs12(der: Buffer, passphrase: string): Forge.pkcs12.Pkcs12Pfx {
  const { pkcs12 } = forge();
  try {
    return pkcs12.pkcs12FromAsn1(parseDer(der), passphrase);
  } catch (error) {
    const isWrong = messageOf(error).includes('MAC');
    const opened =
      passphrase === '' ? openWithNone(der) : isWrong ? undefined : openWithUtf8(der, passphrase);
    if (opened === undefined) throw error;
    return opened;
  }
}

/** An empty passphrase and none are not the same, and programs write both: RFC 7292, B.1. */
function openWithNone(der: Buffer): Forge.pkcs12.Pkcs12Pfx | undefined {
  try {
    return forge().pkcs12.pkcs12FromAsn1(parseDer(der));
  } catch {
    return undefined; // the error of the empty one counts
  }
}

/** AES (PBES2) takes the passphrase as UTF-8, which node-forge leaves to us; the MAC, which was right, as UTF-16. */
function openWithUtf8(der: Buffer, passphrase: string): Forge.pkcs12.Pkcs12Pfx | undefined {
  const { pkcs12, util } = forge();
  const pfx = parseDer(der);
  if (Array.isArray(pfx.value)) pfx.value.splice(2); // RFC 7292, 4: macData is the third
  try {
    return pkcs12.pkcs12FromAsn1(pfx, util.encodeUtf8(passphrase));
  } catch {
    return undefined; // the error of the usual way counts
  }
}

/** PKCS#12 encrypted with 3DES, which every reader takes. */
export function writePkcs12({ certificatePem, keyPem }: KeyPair, passphrase: string): Buffer {
  const { asn1, pki, pkcs12 } = forge();
  const key = pki.privateKeyFromPem(keyPem);
  const certificate = pki.certificateFromPem(certificatePem);
  const pfx = pkcs12.toPkcs12Asn1(key, [certificate], passphrase, { algorithm: '3des' });
  return Buffer.from(asn1.toDer(pfx).getBytes(), 'binary');
}

/** A certificate authority, self-signed. */
export function createAuthority(name: string, validity = tenYears()): KeyPair {
  return issue(undefined, [{ name: 'commonName', value: name }], validity, () => [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    { name: 'subjectKeyIdentifier' },
  ]);
}

/** A server's certificate for this machine: localhost, 127.0.0.1, ::1. */
export function issueServerCertificate(authority: KeyPair, validity = tenYears()): KeyPair {
  const altNames = [
    { type: 2, value: 'localhost' }, // dNSName and iPAddress of RFC 5280, 4.2.1.6
    { type: 7, ip: '127.0.0.1' },
    { type: 7, ip: '::1' },
  ];
  return issue(authority, [{ name: 'commonName', value: 'localhost' }], validity, () => [
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames },
  ]);
}

export interface ClientOptions {
  topic: string;
  /** Those of Apple's list; none = no list. */
  topics?: string[];
  environments?: readonly Environment[];
  validity?: Validity;
}

/** A client's certificate as Apple issues them for pushes. */
export function issueClientCertificate(authority: KeyPair, options: ClientOptions): KeyPair {
  const { topic, topics = [], environments = ['production', 'development'], validity = tenYears() } = options;
  const subject = [
    { name: 'commonName', value: `APSP:${topic.slice(-36)}` }, // at most 64 characters: RFC 5280, A.1
    { type: USER_ID_OID, value: topic },
  ];
  return issue(authority, subject, validity, ({ asn1 }) => {
    const none = asn1.create(asn1.Class.UNIVERSAL, asn1.Type.NULL, false, '');
    return [
      { name: 'extKeyUsage', clientAuth: true },
      ...environments.map((name) => ({ id: ENVIRONMENT_OIDS[name], value: none })),
      ...(topics.length > 0 ? [{ id: APNS_TOPICS_OID, value: topicList(topics) }] : []),
    ];
  });
}

/** Apple's list: each topic, and after it a sequence of what it is for. */
function topicList(topics: string[]): Asn1 {
  const { asn1, util } = forge();
  const text = (value: string): Asn1 =>
    asn1.create(asn1.Class.UNIVERSAL, asn1.Type.UTF8, false, util.encodeUtf8(value));
  const sequence = (value: Asn1[]): Asn1 =>
    asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, value);
  return sequence(topics.flatMap((topic) => [text(topic), sequence([text('app')])]));
}

function tenYears(): Validity {
  const nowMs = Date.now();
  return { notBefore: new Date(nowMs - DAY_MS), notAfter: new Date(nowMs + 3650 * DAY_MS) };
}

/** Issues a certificate for a new key; without an authority it signs itself. */
function issue(
  authority: KeyPair | undefined,
  subject: Attributes,
  { notBefore, notAfter }: Validity,
  extensions: (from: typeof Forge) => Extension[],
): KeyPair {
  const { md, pki } = forge();
  const { publicKey, privateKey: keyPem } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const certificate = pki.createCertificate();
  certificate.publicKey = pki.publicKeyFromPem(publicKey);
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`; // positive, 16 bytes
  certificate.validity = { notBefore, notAfter };
  certificate.setSubject(subject);
  const issuer = authority && pki.certificateFromPem(authority.certificatePem);
  certificate.setIssuer(issuer?.subject.attributes ?? subject);
  certificate.setExtensions(extensions(forge()));
  certificate.sign(pki.privateKeyFromPem(authority?.keyPem ?? keyPem), md.sha256.create());
  return { certificatePem: pem('CERTIFICATE', pki.certificateToAsn1(certificate)), keyPem };
}

function parseDer(der: Buffer): Asn1 {
  const { asn1, util } = forge();
  return asn1.fromDer(util.createBuffer(der.toString('binary')));
}

function pem(label: string, node: Asn1): string {
  const base64 = Buffer.from(forge().asn1.toDer(node).getBytes(), 'binary').toString('base64');
  return `-----BEGIN ${label}-----\n${base64.replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;
}
