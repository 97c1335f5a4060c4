import { KINDS, type Kind } from '../../mailboxes/collection.ts';
import { COLLECTION_PREFIXES, collectionOfTopic } from '../../targets/kind.ts';
import type { Defect } from './defects.ts';
import type { Credential } from './credentials.ts';

/** The topics that Mail listens to: of macOS Server's certificates, and those that Apple adds to developer teams by hand. */
const MAIL_PREFIXES = ['com.apple.mail.', 'com.apple.mobilemail.push.'];

const MDM_PREFIX = 'com.apple.mgmt.';

/** Whether Mail acts on a push with this topic. Apple takes others too, and the device drops them. */
export function isMailTopic(topic: string): boolean {
  return MAIL_PREFIXES.some((prefix) => topic.startsWith(prefix) && topic.length > prefix.length);
}

/** What the apps that act on these topics show. */
export function kindsOf(topics: readonly string[]): Kind[] {
  const served = topics.map((topic) => (isMailTopic(topic) ? 'mail' : collectionOfTopic(topic)));
  return KINDS.filter((kind) => served.includes(kind));
}

/**
 * Why a topic is refused, undefined where it is not; `place` is the file or key that it comes from. Those of calendars
 * and contacts are for credentials beside that of Mail.
 */
export function topicDefect(
  topic: string,
  place: string,
  { mayBeOfCollections }: { mayBeOfCollections: boolean },
): Defect | undefined {
  const collection = collectionOfTopic(topic);
  if (isMailTopic(topic) || (mayBeOfCollections && collection !== undefined)) return undefined;
  const prefixes = [...MAIL_PREFIXES, ...(mayBeOfCollections ? Object.values(COLLECTION_PREFIXES) : [])];
  const expected = `expected one that begins ${prefixes.join(' or ')}`;
  const message = `the topic ${topic} (${place}) is not one of Mail: ${expected}`;
  if (collection !== undefined)
    return {
      message,
      hint: `it is for ${collection}: name its certificate in apns.also, beside that of Mail`,
    };
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
