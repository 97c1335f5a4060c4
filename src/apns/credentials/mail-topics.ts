import type { Defect } from './defects.ts';
import type { Credential } from './credentials.ts';

/** The topics that Mail listens to: of macOS Server's certificates, and those that Apple adds to developer teams by hand. */
const MAIL_PREFIXES = ['com.apple.mail.', 'com.apple.mobilemail.push.'];

const MDM_PREFIX = 'com.apple.mgmt.';

/** Whether Mail acts on a push with this topic. Apple takes others too, and the device drops them. */
export function isMailTopic(topic: string): boolean {
  return MAIL_PREFIXES.some((prefix) => topic.startsWith(prefix) && topic.length > prefix.length);
}

/** Why a topic that is not Mail's is refused; `place` is the file or key that it comes from. */
export function notMail(topic: string, place: string): Defect {
  const expected = `expected one that begins ${MAIL_PREFIXES.join(' or ')}`;
  const message = `the topic ${topic} (${place}) is not one of Mail: ${expected}`;
  const hint = topic.startsWith(MDM_PREFIX)
    ? 'this is an MDM certificate: Apple takes pushes with it and Mail ignores them; use a Mail push certificate'
    : 'Apple takes such pushes and Mail ignores them; use a Mail push certificate';
  return { message, hint };
}

/**
 * What is wrong between a credential and aps_topic of imapd.conf, the topic that Cyrus tells to devices; undefined
 * where it is not set.
 */
export function topicProblems(
  credential: Pick<Credential, 'topic' | 'topics'>,
  apsTopic: string | undefined,
): Defect[] {
  const hint = `set aps_topic: ${credential.topic} in imapd.conf and restart Cyrus`;
  if (apsTopic === undefined)
    return [{ message: 'aps_topic is not set in imapd.conf, so Cyrus offers no push', hint }];
  if (credential.topics.includes(apsTopic)) return [];
  const message = `aps_topic in imapd.conf is ${apsTopic}, expected ${credential.topics.join(' or ')}`;
  if (isMailTopic(apsTopic)) return [{ message, hint: `${hint}, or use the credential for ${apsTopic}` }];
  return [{ message: `${message}; it is not a topic of Mail`, hint }];
}
