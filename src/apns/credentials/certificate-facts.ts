import { createHash, type KeyObject, type X509Certificate } from 'node:crypto';
import { appleExtensions, type Environment } from './apple-extensions.ts';

/** What a certificate says of itself. */
export interface CertificateFacts {
  /** On one line. */
  subject: string;
  commonName: string | undefined;
  organization: string | undefined;
  /** The issuer's common name, or all of its name where it has none. */
  issuer: string;
  /** The UIDs of the subject, wherever they stand in it: the topic of a push certificate. */
  uids: string[];
  /** The topics of Apple's extension; empty where it is absent. */
  topicList: string[];
  /** Which of Apple's servers take it; empty where it does not say. */
  environments: Environment[];
  /** Whether it is made for a server of TLS, as that of an IMAP server. */
  isForServer: boolean;
  notBeforeMs: number;
  notAfterMs: number;
  key: KeyFacts;
  /** SHA-256 of the DER, lower-case hex. */
  fingerprint: string;
}

export interface KeyFacts {
  /** RSA, EC, or what OpenSSL calls another one. */
  type: string;
  bits?: number;
  curve?: string;
}

export function certificateFacts(certificate: X509Certificate): CertificateFacts {
  const { subject, issuer, raw } = certificate;
  return {
    subject: oneLine(subject),
    commonName: attributes(subject, 'CN')[0],
    organization: attributes(subject, 'O')[0],
    issuer: attributes(issuer, 'CN')[0] ?? oneLine(issuer),
    uids: [...new Set(attributes(subject, 'UID').filter((uid) => TOPIC.test(uid)))],
    ...appleExtensions(certificate),
    // undefined where the certificate has no such extension, whatever the types say
    isForServer: (certificate.keyUsage as string[] | undefined)?.includes(SERVER_AUTH) === true,
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
    key: keyFacts(certificate.publicKey),
    fingerprint: createHash('sha256').update(raw).digest('hex'),
  };
}

/** RFC 5280, 4.2.1.12: id-kp-serverAuth. */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

/** NIST's names of the curves, RFC 5480, 2.1.1.1, and their sizes. */
const CURVES = new Map([
  ['prime256v1', { curve: 'P-256', bits: 256 }],
  ['secp384r1', { curve: 'P-384', bits: 384 }],
  ['secp521r1', { curve: 'P-521', bits: 521 }],
]);

/** Type and size of a key, public or private. */
export function keyFacts({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): KeyFacts {
  const { modulusLength, namedCurve } = asymmetricKeyDetails ?? {};
  const name = asymmetricKeyType ?? 'unknown';
  const type = name === 'rsa' || name === 'ec' ? name.toUpperCase() : name;
  if (modulusLength !== undefined) return { type, bits: modulusLength };
  if (namedCurve === undefined) return { type };
  return { type, ...(CURVES.get(namedCurve) ?? { curve: namedCurve }) };
}

/** A distinguished name as Node gives it, one relative name a line, on one line. */
export function oneLine(name: string): string {
  return name.replaceAll('\n', ', ');
}

/** What topics are made of: a UID with anything else is another kind of name. */
const TOPIC = /^[\w.-]+$/;

/**
 * Node writes one relative name a line, ` + ` between the values of one, and escapes both inside a value.
 * toLegacyObject() would be simpler, but in Node 20 it breaks the later loading of node:tls.
 */
function attributes(name: string, type: string): string[] {
  const values = name.matchAll(new RegExp(String.raw`(?:^| \+ )${type}=(.*?)(?=$| \+ [\w.]+=)`, 'gm'));
  return [...values].map(([, value = '']) => value.replace(/\\([^0-9A-Fa-f])/g, '$1'));
}
