import type { X509Certificate } from 'node:crypto';
import { readTopicList } from './pki.ts';

/** The topics that a certificate is for: the UID of its subject first, then those of Apple's list. */
export function topicsOf(certificate: X509Certificate): string[] {
  return [...new Set([...subjectUids(certificate), ...readTopicList(certificate.raw)])];
}

/**
 * Node writes one relative name a line, ` + ` between the values of one, and escapes both inside a value.
 * toLegacyObject() would be simpler, but in Node 20 it breaks the later loading of node:tls.
 */
function subjectUids({ subject }: X509Certificate): string[] {
  return [...subject.matchAll(/(?:^| \+ )UID=([\w.-]+)(?=$| \+ )/gm)].flatMap(([, uid]) => uid ?? []);
}
