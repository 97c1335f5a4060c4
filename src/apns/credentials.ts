import { createHash, type X509Certificate } from 'node:crypto';
import type { ApnsConfig } from '../config/config.ts';
import {
  configurationError,
  readCredentialFile,
  readPassphrase,
  type PrivateKey,
} from './credential-files.ts';
import { topicsOf } from './topics.ts';

/** What proves to Apple who we are, and the topics that it is good for. */
export interface Credential {
  /** The leaf, and after it the chain that the file holds. */
  certificatePem: string;
  keyPem: string;
  /** Set where keyPem is encrypted. */
  passphrase?: string;
  /** The topic of our pushes. */
  topic: string;
  /** All topics that the certificate names; the configured one alone where it names none. */
  topics: string[];
  /** SHA-256 of the leaf's DER, lower-case hex. */
  fingerprint: string;
  notBeforeMs: number;
  notAfterMs: number;
  /** The leaf's subject on one line. */
  subject: string;
}

/**
 * Reads the configured certificate and key, and checks that they belong together and hold at `nowMs`.
 * Throws OperatorError, exit 78, for everything that an operator has to mend.
 */
export function loadCredential(apns: ApnsConfig, nowMs: number = Date.now()): Credential {
  const { file, certificates, keys } = configuredFiles(apns);
  const { leaf, key } = matchingPair(file, apns.key ?? file, certificates, keys);
  const validity = validityOf(file, leaf, nowMs);
  const chain = chainOf(leaf, certificates);
  return {
    certificatePem: [leaf, ...chain].map(String).join(''),
    keyPem: key.pem,
    ...(key.passphrase !== undefined && { passphrase: key.passphrase }),
    ...chosenTopic(file, leaf, apns.topic),
    fingerprint: createHash('sha256').update(leaf.raw).digest('hex'),
    ...validity,
    subject: leaf.subject.replaceAll('\n', ', '),
  };
}

function configuredFiles(apns: ApnsConfig): {
  file: string;
  certificates: X509Certificate[];
  keys: PrivateKey[];
} {
  if (apns.token)
    throw configurationError('apns.token is not supported by this version', 'set apns.certificate');
  const file = apns.certificate;
  if (file === undefined) {
    const hint = 'set apns.certificate to the file of your Mail push certificate, PEM or PKCS#12';
    throw configurationError('no certificate is configured: apns.certificate is not set', hint);
  }
  const passphrase = apns.passphraseFile === undefined ? undefined : readPassphrase(apns.passphraseFile);
  const { certificates, keys } = readCredentialFile('apns.certificate', file, passphrase);
  if (certificates.length === 0) {
    const hint = 'apns.certificate takes the certificate that Apple issued; a key or a request is not enough';
    throw configurationError(`apns.certificate: ${file} holds no certificate`, hint);
  }
  if (apns.key === undefined) return { file, certificates, keys };
  return { file, certificates, keys: readCredentialFile('apns.key', apns.key, passphrase).keys };
}

/** The leaf is the certificate whose key we hold; all others are its chain. */
function matchingPair(
  file: string,
  keyFile: string,
  certificates: X509Certificate[],
  keys: PrivateKey[],
): { leaf: X509Certificate; key: PrivateKey } {
  for (const key of keys) {
    const leaf = certificates.find((certificate) => certificate.checkPrivateKey(key.key));
    if (leaf) return { leaf, key };
  }
  if (keys.length > 0) {
    const hint = 'give the key that the certificate was requested with';
    throw configurationError(`the private key in ${keyFile} does not match any certificate in ${file}`, hint);
  }
  const hint = 'set apns.key to the file of the private key, or put the key into the file of the certificate';
  throw configurationError(`there is no private key in ${keyFile}`, hint);
}

function validityOf(
  file: string,
  leaf: X509Certificate,
  nowMs: number,
): { notBeforeMs: number; notAfterMs: number } {
  const notBeforeMs = Date.parse(leaf.validFrom);
  const notAfterMs = Date.parse(leaf.validTo);
  if (notAfterMs <= nowMs) {
    const hint = 'renew it with Apple under the same topic, or every device has to register again';
    throw configurationError(`the certificate in ${file} expired on ${leaf.validTo}`, hint);
  }
  if (notBeforeMs > nowMs) {
    const message = `the certificate in ${file} is not valid before ${leaf.validFrom}`;
    throw configurationError(message, "check this machine's clock");
  }
  return { notBeforeMs, notAfterMs };
}

/** The issuers that the files hold, each after the certificate that it issued, as TLS wants it. */
function chainOf(leaf: X509Certificate, certificates: X509Certificate[]): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let rest = certificates.filter((certificate) => !certificate.raw.equals(leaf.raw));
  for (;;) {
    const last = chain.at(-1) ?? leaf;
    const issuer = rest.find((certificate) => last.checkIssued(certificate));
    if (!issuer) return chain;
    chain.push(issuer);
    rest = rest.filter((certificate) => !certificate.raw.equals(issuer.raw));
  }
}

function chosenTopic(
  file: string,
  leaf: X509Certificate,
  configured: string | undefined,
): { topic: string; topics: string[] } {
  const topics = topicsOf(leaf);
  const topic = configured ?? topics[0];
  if (topic === undefined) {
    const hint = 'a Mail push certificate has its topic as UID of the subject; otherwise set apns.topic';
    throw configurationError(`no topic found in the certificate in ${file}`, hint);
  }
  if (topics.length > 0 && !topics.includes(topic)) {
    const hint = 'remove apns.topic, or set it to one of those';
    throw configurationError(
      `apns.topic ${topic} is not covered by ${file}: it is for ${topics.join(', ')}`,
      hint,
    );
  }
  return { topic, topics: topics.length > 0 ? topics : [topic] };
}
