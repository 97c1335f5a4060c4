import type { X509Certificate } from 'node:crypto';
import {
  type CertificateFacts,
  certificateFacts,
  type KeyFacts,
  keyFacts,
} from '../apns/credentials/certificate-facts.ts';
import type { CertificateInspection } from '../apns/credentials/certificate.ts';
import { coveredTopics, type Defect } from '../apns/credentials/defects.ts';
import { daysLeft, expiryWarning } from '../apns/credentials/expiry.ts';
import { kindsOf } from '../apns/credentials/mail-topics.ts';
import type { TokenInspection } from '../apns/credentials/token.ts';
import type { Inspection } from '../apns/credentials/credentials.ts';
import type { Kind } from '../mailboxes/collection.ts';
import { timeText } from '../process/text.ts';
import { modeOf, modeWarnings } from './file-modes.ts';

/** The description of a credential, without any secret; null where a value is unknown or absent. */
export interface Description {
  /** `apns`, `apns.also[1]`, or the file that was named. */
  credential: string;
  kind: 'certificate' | 'token';
  files: { path: string; mode: string | null }[];
  topic: string | null;
  topics: string[];
  /** What the apps that act on its topics show. */
  kinds: Kind[];
  commonName: string | null;
  organization: string | null;
  issuer: string | null;
  notBefore: string | null;
  notAfter: string | null;
  daysLeft: number | null;
  environments: string[];
  keyId: string | null;
  teamId: string | null;
  /** Of the certificate; where there is none, of the private key. */
  key: KeyFacts | null;
  /** Whether the private key is the certificate's; null where there is none. */
  keyMatches: boolean | null;
  /** Common names or subjects of the issuers that the file holds. */
  chain: string[];
  fingerprint: string | null;
  warnings: string[];
  problems: Defect[];
}

export function describe(inspection: Inspection, nowMs: number): Description {
  const { source, kind, files, secretFiles, topic, defects } = inspection;
  const own = topic === undefined ? [] : [topic];
  const facts: Partial<Description> =
    kind === 'certificate' ? ofCertificate(inspection, nowMs) : ofToken(inspection);
  return {
    ...NOTHING,
    credential: source.called,
    kind,
    files: files.map((path) => ({ path, mode: modeOf(path) ?? null })),
    topic: topic ?? null,
    topics: own,
    kinds: kindsOf(facts.topics ?? own),
    ...facts,
    warnings: [...expiry(inspection, nowMs), ...modeWarnings(files, secretFiles)],
    problems: defects,
  };
}

const NOTHING = {
  commonName: null,
  organization: null,
  issuer: null,
  notBefore: null,
  notAfter: null,
  daysLeft: null,
  environments: [],
  keyId: null,
  teamId: null,
  key: null,
  keyMatches: null,
  chain: [],
  fingerprint: null,
};

function ofCertificate({ identity, contents }: CertificateInspection, nowMs: number): Partial<Description> {
  const [anyKey] = contents.keys;
  if (!identity) return { key: anyKey ? keyFacts(anyKey.key) : null };
  const { facts, chain, key } = identity;
  return {
    ...validity(facts, nowMs),
    ...(coveredTopics(facts).length > 0 && { topics: coveredTopics(facts) }),
    commonName: facts.commonName ?? null,
    organization: facts.organization ?? null,
    issuer: facts.issuer,
    environments: facts.environments,
    key: facts.key,
    keyMatches: anyKey ? key !== undefined : null,
    chain: chain.map(nameOf),
    fingerprint: facts.fingerprint,
  };
}

function validity({ notBeforeMs, notAfterMs }: CertificateFacts, nowMs: number): Partial<Description> {
  return {
    notBefore: timeText(notBeforeMs),
    notAfter: timeText(notAfterMs),
    daysLeft: daysLeft(notAfterMs, nowMs),
  };
}

function ofToken({ token, key, credential }: TokenInspection): Partial<Description> {
  return {
    keyId: token.keyId,
    teamId: token.teamId,
    key: key ? keyFacts(key.key) : null,
    fingerprint: credential?.fingerprint ?? null,
  };
}

/** Of an end that is near; one that is over is a defect. */
function expiry(inspection: Inspection, nowMs: number): string[] {
  if (inspection.kind === 'token' || !inspection.identity) return [];
  const { files, identity } = inspection;
  const { notAfterMs } = identity.facts;
  if (notAfterMs <= nowMs) return [];
  return [expiryWarning({ topic: identity.topic ?? 'no topic', files, notAfterMs }, nowMs) ?? []].flat();
}

function nameOf(certificate: X509Certificate): string {
  const { commonName, subject } = certificateFacts(certificate);
  return commonName ?? subject;
}
