import type { ApnsConfig } from '../../config/config.ts';
import { ExitCode } from '../../process/errors.ts';
import type { Environment } from './apple-extensions.ts';
import { type CertificateInspection, inspectCertificate } from './certificate.ts';
import { type Defect, defectError } from './defects.ts';
import { type CredentialSource, sourcesOf } from './source.ts';
import { inspectToken, type TokenInspection } from './token.ts';

export { expiryWarning } from './expiry.ts';
export { topicProblems } from './mail-topics.ts';

/** What proves to Apple who we are, and the topics that it is good for. */
export type Credential = CertificateCredential | TokenCredential;

/** Proves it once for a connection. */
export interface CertificateCredential {
  kind: 'certificate';
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
  /** Which of Apple's servers take it; empty where it does not say. */
  environments: Environment[];
  /** The files that it was read from. */
  files: string[];
}

/** Proves it with each push, by a token that is signed with the key. */
export interface TokenCredential {
  kind: 'token';
  /** EC P-256, PKCS#8, not encrypted. */
  keyPem: string;
  keyId: string;
  teamId: string;
  topic: string;
  topics: string[];
  /** SHA-256 of key id, team id and the public key's DER, lower-case hex. */
  fingerprint: string;
  files: string[];
  /** The key does not expire. */
  notAfterMs: undefined;
}

export type Inspection = CertificateInspection | TokenInspection;

/** The main credential. Throws OperatorError, exit 78, for everything that an operator has to fix. */
export function loadCredential(apns: ApnsConfig, nowMs: number = Date.now()): Credential {
  const { credential, defects } = inspect(sourcesOf(apns)[0], nowMs);
  if (credential === undefined) throw defectError(defects, ExitCode.configuration);
  return credential;
}

/**
 * All configured credentials, the main one first, each for a topic of its own. An entry of `apns.also` that has
 * merely expired is left out: that is how the move to a new certificate ends, and the main one goes on.
 * Throws OperatorError, exit 78, with everything that is wrong with any of them.
 */
export function loadCredentials(apns: ApnsConfig, nowMs: number = Date.now()): Credential[] {
  const inspections = inspectCredentials(apns, nowMs);
  const wanted = inspections.filter((one, index) => isWanted(one, index, nowMs));
  if (wanted.some(({ credential }) => credential === undefined))
    throw defectError(
      inspections.flatMap(({ defects }) => defects),
      ExitCode.configuration,
    );
  return wanted.flatMap(({ credential }) => credential ?? []);
}

/** The same as facts and defects, for those who show them: nothing is thrown. */
export function inspectCredentials(apns: ApnsConfig, nowMs: number = Date.now()): Inspection[] {
  const inspections = sourcesOf(apns).map((source) => inspect(source, nowMs));
  return inspections.map((one, index) => {
    const rival = inspections
      .slice(0, index)
      .find(({ credential, topic }) => credential !== undefined && topic === one.topic);
    if (rival === undefined) return one;
    const defects = [...one.defects, sameTopic(one, rival)];
    return { ...one, defects, credential: undefined };
  });
}

/** False for an entry of `apns.also`, at `index` from 1 on, that has merely expired and is passed over. */
export function isWanted(inspection: Inspection, index: number, nowMs: number): boolean {
  return index === 0 || !isMerelyExpired(inspection, nowMs);
}

/** A credential that may be of either kind. */
export function inspect(source: CredentialSource, nowMs: number): Inspection {
  return source.token ? inspectToken(source, source.token) : inspectCertificate(source, nowMs);
}

function sameTopic({ source, topic = '' }: Inspection, rival: Inspection): Defect {
  const message = `${source.called} is for the topic ${topic}, and so is ${rival.source.called}`;
  return { message, hint: 'remove one of them, or give it another topic' };
}

function isMerelyExpired(inspection: Inspection, nowMs: number): boolean {
  if (inspection.kind === 'token' || inspection.defects.length !== 1) return false;
  const { identity } = inspection;
  return identity !== undefined && identity.facts.notAfterMs <= nowMs;
}
