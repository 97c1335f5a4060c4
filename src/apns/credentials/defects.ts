import { type ExitCode, OperatorError } from '../../process/errors.ts';
import { timeText } from '../../process/text.ts';
import type { CertificateFacts } from './certificate-facts.ts';
import { isMailTopic, topicDefect } from './mail-topics.ts';

/** Why a credential cannot be used: what is wrong, with value and expectation, and the fix in one sentence. */
export interface Defect {
  message: string;
  hint: string;
}

/** What a certificate is held against. */
export interface Expectation {
  /** The file that it is in. */
  file: string;
  /** The configured topic; by default the certificate's own. */
  topic: string | undefined;
  /** The server that it is for; undefined where that is not known. */
  server: URL | undefined;
  /** What the key of the configured topic is called. */
  topicOption: string;
  /** It may be for calendars or contacts instead of Mail. */
  mayBeOfCollections: boolean;
  nowMs: number;
}

/** All of them as one error, each text once. */
export function defectError(defects: readonly Defect[], exitCode: ExitCode): OperatorError {
  const once = (texts: string[]): string => [...new Set(texts)].join('\n');
  const message = once(defects.map((defect) => defect.message));
  return new OperatorError(message, { exitCode, hint: once(defects.map(({ hint }) => hint)) });
}

export function isDefect(value: object): value is Defect {
  return 'hint' in value;
}

/** The defects of a certificate for Mail pushes, its key apart. Pure. */
export function certificateDefects(facts: CertificateFacts, expected: Expectation): Defect[] {
  return [
    ...validityDefects(facts, expected),
    ...topicDefects(facts, expected),
    ...environmentDefects(facts, expected),
  ];
}

/** The topic of the pushes: the configured one, else the subject's UID, else the first of Apple's list. */
export function topicOf({ uids, topicList }: CertificateFacts, configured?: string): string | undefined {
  const firstOf = (topics: string[]): string | undefined => topics.find(isMailTopic) ?? topics[0];
  return configured ?? firstOf(uids) ?? firstOf(topicList);
}

/** What Apple takes with the certificate: the topics of its list, the UID first; the UID where it has no list. */
export function coveredTopics({ uids, topicList }: CertificateFacts): string[] {
  if (topicList.length === 0) return uids;
  return [...new Set([...uids.filter((uid) => topicList.includes(uid)), ...topicList])];
}

/** Certificates for Mail pushes are good for a year: who renews late does not renew years late. */
export const FAR_OFF_MS = 2 * 365 * 24 * 3600 * 1000;

function validityDefects(
  { notBeforeMs, notAfterMs }: CertificateFacts,
  { file, nowMs }: Expectation,
): Defect[] {
  if (notAfterMs <= nowMs) {
    const renew = 'renew it with Apple under the same topic, or every device has to register again';
    const hint =
      nowMs - notAfterMs > FAR_OFF_MS
        ? `see that the clock is right: timedatectl; if it is, ${renew}`
        : renew;
    return [{ message: `the certificate in ${file} expired on ${timeText(notAfterMs)}`, hint }];
  }
  if (notBeforeMs <= nowMs) return [];
  const message = `the certificate in ${file} is not valid before ${timeText(notBeforeMs)}`;
  return [{ message, hint: 'see that the clock is right: timedatectl' }];
}

function topicDefects(
  facts: CertificateFacts,
  { file, topic: configured, topicOption, mayBeOfCollections }: Expectation,
): Defect[] {
  const topic = topicOf(facts, configured);
  if (topic === undefined)
    return [facts.isForServer ? ofServer(facts, file) : withoutTopic(file, topicOption)];
  const topics = coveredTopics(facts);
  const found: Defect[] = [];
  if (configured !== undefined && topics.length > 0 && !topics.includes(configured)) {
    const hint = `remove ${topicOption}, or set it to one of those`;
    const message = `${topicOption} ${configured} is not covered by ${file}: it is for ${topics.join(', ')}`;
    found.push({ message, hint });
  } else if (topics.length > 0 && !topics.includes(topic)) {
    const hint = `set ${topicOption} to one of the list, which is what Apple goes by`;
    const listed = `1.2.840.113635.100.6.3.6 (${topics.join(', ')})`;
    const message = `the UID ${topic} of the certificate in ${file} is not in the list of its extension ${listed}`;
    found.push({ message, hint });
  }
  const place = configured === undefined ? file : topicOption;
  const wrong = topicDefect(topic, place, { mayBeOfCollections });
  return wrong === undefined ? found : [...found, wrong];
}

function withoutTopic(file: string, topicOption: string): Defect {
  const hint = `a Mail push certificate has its topic as UID of the subject; otherwise set ${topicOption}`;
  return { message: `no topic found in the certificate in ${file}`, hint };
}

function ofServer({ commonName, subject }: CertificateFacts, file: string): Defect {
  return {
    message: `the certificate in ${file} is that of a TLS server (${commonName ?? subject}), not one for Mail pushes`,
    hint: 'name the certificate that Apple issued for Mail pushes: its subject has a UID com.apple.mail.XServer.…',
  };
}

/** The hosts that the configuration calls production and sandbox: Apple, Sending notification requests to APNs. */
const HOSTS = new Map([
  ['api.push.apple.com', { environment: 'production', called: 'production' }],
  ['api.sandbox.push.apple.com', { environment: 'development', called: 'sandbox' }],
] as const);

function environmentDefects({ environments }: CertificateFacts, { file, server }: Expectation): Defect[] {
  const host = HOSTS.get((server?.hostname ?? '') as 'api.push.apple.com');
  if (host === undefined || environments.length === 0 || environments.includes(host.environment)) return [];
  if (host.environment === 'production') {
    const message = `the certificate in ${file} is for Apple's sandbox only, and apns.server is production`;
    return [{ message, hint: 'get a certificate for production, or for a trial set apns.server: sandbox' }];
  }
  const message = `the certificate in ${file} is not for Apple's sandbox, and apns.server is sandbox`;
  return [{ message, hint: 'set apns.server: production, or use a certificate for the sandbox' }];
}
