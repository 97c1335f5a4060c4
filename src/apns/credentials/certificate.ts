import { coveredTopics, type Defect, isDefect } from './defects.ts';
import { type FileContents, readCredentialFile, readPassphrase } from './files.ts';
import { bestIdentity, type Identity } from './identity.ts';
import type { CredentialSource } from './source.ts';
import type { CertificateCredential } from './credentials.ts';

/** What was found where a certificate should be. */
export interface CertificateInspection {
  kind: 'certificate';
  source: CredentialSource;
  /** All files that were read, and those of them that hold a key or a passphrase. */
  files: string[];
  secretFiles: string[];
  contents: FileContents;
  /** Undefined where no certificate could be read. */
  identity: Identity | undefined;
  topic: string | undefined;
  defects: Defect[];
  /** Set where there is no defect and the key is there. */
  credential: CertificateCredential | undefined;
}

/** Reads a certificate and its key, and says everything that is wrong with them at `nowMs`. */
export function inspectCertificate(source: CredentialSource, nowMs: number): CertificateInspection {
  const { certificate: file = '', names, server, topic, mayBeOfCollections } = source;
  const contents = contentsOf(source);
  const expected = { file, topic, server, topicOption: names.topic, mayBeOfCollections, nowMs };
  const identity = bestIdentity(contents.certificates, contents.keys, expected);
  const defects = [
    ...contents.defects,
    ...missingParts(source, contents, identity),
    ...(identity?.defects ?? []),
  ];
  const { files, secretFiles } = filesOf(source, contents);
  return {
    kind: 'certificate',
    source,
    files,
    secretFiles,
    contents,
    identity,
    topic: identity?.topic,
    defects,
    credential: defects.length === 0 && identity ? credentialOf(identity, files) : undefined,
  };
}

function contentsOf({ names, certificate, key, passphraseFile }: CredentialSource): FileContents {
  if (certificate === undefined) return { certificates: [], keys: [], defects: [] };
  const passphrase = readPassphrase(names.passphraseFile, passphraseFile);
  if (isDefect(passphrase)) {
    // A certificate in PEM needs none, and tells the topic.
    const none = { option: names.passphraseFile, value: undefined };
    const { certificates } = readCredentialFile(names.certificate, certificate, none);
    return { certificates, keys: [], defects: [passphrase] };
  }
  const main = readCredentialFile(names.certificate, certificate, passphrase);
  if (key === undefined) return main;
  const { keys, defects } = readCredentialFile(names.key, key, passphrase);
  return { certificates: main.certificates, keys, defects: [...main.defects, ...defects] };
}

function missingParts(
  { names, certificate: file, key, keyElsewhere }: CredentialSource,
  { keys, defects }: FileContents,
  identity: Identity | undefined,
): Defect[] {
  if (file === undefined) {
    const hint = `set ${names.certificate} to the file of your Mail push certificate, PEM or PKCS#12`;
    return [{ message: `no certificate is configured: ${names.certificate} is not set`, hint }];
  }
  if (defects.length > 0 || identity?.key) return [];
  if (!identity) {
    const hint = `${names.certificate} takes the certificate that Apple issued; a key or a request is not enough`;
    return [{ message: `${names.certificate}: ${file} holds no certificate`, hint }];
  }
  if (keys.length > 0) {
    const message = `the private key in ${key ?? file} does not match any certificate in ${file}`;
    return [{ message, hint: 'give the key that the certificate was requested with' }];
  }
  if (keyElsewhere) return [];
  const hint = `set ${names.key} to the file of the private key, or put the key into the file of the certificate`;
  return [{ message: `there is no private key in ${key ?? file}`, hint }];
}

function filesOf(
  { certificate, key, passphraseFile }: CredentialSource,
  { keys }: FileContents,
): { files: string[]; secretFiles: string[] } {
  const present = (...files: (string | undefined)[]): string[] => files.filter((file) => file !== undefined);
  const keyFile = key ?? (keys.length > 0 ? certificate : undefined);
  return { files: present(certificate, key, passphraseFile), secretFiles: present(keyFile, passphraseFile) };
}

function credentialOf(
  { leaf, chain, key, topic, facts }: Identity,
  files: string[],
): CertificateCredential | undefined {
  if (!key || topic === undefined) return undefined;
  const { fingerprint, notBeforeMs, notAfterMs, subject, environments } = facts;
  const topics = coveredTopics(facts);
  return {
    kind: 'certificate',
    certificatePem: [leaf, ...chain].map(String).join(''),
    keyPem: key.pem,
    ...(key.passphrase !== undefined && { passphrase: key.passphrase }),
    topic,
    topics: topics.length > 0 ? topics : [topic],
    ...{ fingerprint, notBeforeMs, notAfterMs, subject, environments, files },
  };
}
