import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import type Forge from 'node-forge';

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
const APNS_DEVELOPMENT_OID = '1.2.840.113635.100.6.3.1';
const APNS_PRODUCTION_OID = '1.2.840.113635.100.6.3.2';
const APNS_TOPICS_OID = '1.2.840.113635.100.6.3.6';
const USER_ID_OID = '0.9.2342.19200300.100.1.1'; // RFC 4519, 2.39

const DAY_MS = 24 * 3600 * 1000;

/** Loaded at the first call: a certificate in PEM without Apple's extensions needs none of it. */
function forge(): typeof Forge {
  return createRequire(import.meta.url)('node-forge') as typeof Forge;
}

/**
 * What a PKCS#12 file holds, as PEM: RC2-40 and 3DES as Keychain writes them, AES as OpenSSL 3 does.
 * Throws an Error that says `password` or `decrypt` where the passphrase does not open it.
 */
export function readPkcs12(der: Buffer, passphrase: string): { certificates: string[]; keys: string[] } {
  const { pki, pkcs12 } = forge();
  const bags = pkcs12.pkcs12FromAsn1(parseDer(der), passphrase).safeContents.flatMap((safe) => safe.safeBags);
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

/** PKCS#12 encrypted with 3DES, which every reader takes. */
export function writePkcs12({ certificatePem, keyPem }: KeyPair, passphrase: string): Buffer {
  const { asn1, pki, pkcs12 } = forge();
  const key = pki.privateKeyFromPem(keyPem);
  const certificate = pki.certificateFromPem(certificatePem);
  const pfx = pkcs12.toPkcs12Asn1(key, [certificate], passphrase, { algorithm: '3des' });
  return Buffer.from(asn1.toDer(pfx).getBytes(), 'binary');
}

/** The topics that Apple lists in the certificate's extension 1.2.840.113635.100.6.3.6; empty where it is absent. */
export function readTopicList(certificateDer: Buffer): string[] {
  const { asn1, util } = forge();
  const list = extensionValue(parseDer(certificateDer), APNS_TOPICS_OID);
  if (list === undefined) return [];
  const names = childrenOf(parseDer(Buffer.from(list, 'binary')));
  return names.filter((name) => name.type === asn1.Type.UTF8).map((name) => util.decodeUtf8(textOf(name)));
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

/** A client's certificate as Apple issues them for pushes; `topics` are those of its list, none = no list. */
export function issueClientCertificate(
  authority: KeyPair,
  { topic, topics = [], validity = tenYears() }: { topic: string; topics?: string[]; validity?: Validity },
): KeyPair {
  const subject = [
    { name: 'commonName', value: `APSP:${topic.slice(-36)}` }, // at most 64 characters: RFC 5280, A.1
    { type: USER_ID_OID, value: topic },
  ];
  return issue(authority, subject, validity, ({ asn1 }) => {
    const none = asn1.create(asn1.Class.UNIVERSAL, asn1.Type.NULL, false, '');
    return [
      { name: 'extKeyUsage', clientAuth: true },
      { id: APNS_DEVELOPMENT_OID, value: none },
      { id: APNS_PRODUCTION_OID, value: none },
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

function childrenOf(node: Asn1): Asn1[] {
  return Array.isArray(node.value) ? node.value : [];
}

function textOf(node: Asn1): string {
  return typeof node.value === 'string' ? node.value : '';
}

/** The content of an extension: the octet string that ends the sequence which begins with its id. */
function extensionValue(node: Asn1, oid: string): string | undefined {
  const { asn1 } = forge();
  const [id, ...rest] = childrenOf(node);
  if (id?.type === asn1.Type.OID && asn1.derToOid(textOf(id)) === oid) return rest.map(textOf).at(-1);
  for (const child of childrenOf(node)) {
    const value = extensionValue(child, oid);
    if (value !== undefined) return value;
  }
  return undefined;
}
