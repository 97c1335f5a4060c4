import type { X509Certificate } from 'node:crypto';
import { type CertificateFacts, certificateFacts } from './certificate-facts.ts';
import { certificateDefects, type Defect, type Expectation, topicOf } from './defects.ts';
import type { PrivateKey } from './files.ts';
import { isMailTopic } from './mail-topics.ts';

/** A certificate of ours with what belongs to it. */
export interface Identity {
  leaf: X509Certificate;
  facts: CertificateFacts;
  /** Its private key; undefined where it was not found. */
  key: PrivateKey | undefined;
  /** The issuers that the files hold, each after the certificate that it issued, as TLS wants it. */
  chain: X509Certificate[];
  topic: string | undefined;
  /** What is wrong with the certificate itself. */
  defects: Defect[];
}

/**
 * The certificate that is meant. Files may hold several with their keys, such as the former one or those of
 * calendars: it is the one with the fewest defects, of equals one for Mail, and then the one that holds longest.
 */
export function bestIdentity(
  certificates: X509Certificate[],
  keys: PrivateKey[],
  expected: Expectation,
): Identity | undefined {
  const pairs = certificates.flatMap((leaf) => {
    const key = keys.find((one) => leaf.checkPrivateKey(one.key));
    return key ? [{ leaf, key }] : [];
  });
  const candidates =
    pairs.length > 0 ? pairs : leavesOf(certificates).map((leaf) => ({ leaf, key: undefined }));
  const judged = candidates.map(({ leaf, key }) => {
    const facts = certificateFacts(leaf);
    const defects = certificateDefects(facts, expected);
    return {
      leaf,
      key,
      facts,
      topic: topicOf(facts, expected.topic),
      defects,
      chain: chainOf(leaf, certificates),
    };
  });
  return judged.sort(byWorth)[0];
}

function byWorth(a: Identity, b: Identity): number {
  const isForMail = ({ topic = '' }: Identity): number => (isMailTopic(topic) ? 1 : 0);
  return (
    a.defects.length - b.defects.length ||
    isForMail(b) - isForMail(a) ||
    b.facts.notAfterMs - a.facts.notAfterMs
  );
}

/** Those that issued none of the others. */
function leavesOf(certificates: X509Certificate[]): X509Certificate[] {
  const leaves = certificates.filter(
    (one) => !certificates.some((other) => other !== one && other.checkIssued(one)),
  );
  return leaves.length > 0 ? leaves : certificates;
}

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
