import type { X509Certificate } from 'node:crypto';
import { certificateFacts } from './certificate-facts.ts';
import { coveredTopics } from './defects.ts';

/** The topics that Apple takes with a certificate, the UID of its subject first. */
export function topicsOf(certificate: X509Certificate): string[] {
  return coveredTopics(certificateFacts(certificate));
}
