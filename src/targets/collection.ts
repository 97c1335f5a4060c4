import type { CollectionRegistration } from '../events/mail-event.ts';
import { collectionMailbox } from '../mailboxes/collection.ts';
import { mailboxHash } from '../mailboxes/mailbox-hash.ts';
import { comparableUser, type UserRules } from '../mailboxes/user-name.ts';
import { COLLECTION_PREFIXES, collectionOfTopic, kindOf, OPTIONS } from './kind.ts';
import { sourceOf } from './source.ts';
import { MAX_USER_BYTES, type NewTarget, type Refusal, tokenRefusal, userRefusal } from './target.ts';

export interface CollectionRules {
  users: UserRules;
  /** It came by HTTP. */
  byHttp: boolean;
  /** When the device registered. */
  atMs: number;
}

/** Cyrus's default is a day; whoever sets years means for ever, and a device registers daily. */
const LONGEST_MS = 400 * 24 * 60 * 60_000;

/** Of the kinds without versions, that of the registrations which name their mailboxes. */
const APS_VERSION = 2;

/**
 * Turns a registration for a calendar or an address book into a target, of which a device has one for each, or says why
 * it is none. Pure; tokens never enter a message.
 */
export function admitCollection(
  registration: CollectionRegistration,
  { users, byHttp, atMs }: CollectionRules,
): { target: NewTarget } | Refusal {
  const { collection, user, deviceToken, topic, mailboxUser, uniqueId, expiryMs, source } = registration;
  const accountId = `${mailboxUser}/${uniqueId}`;
  const refused = collectionRefusal({ user, deviceToken, accountId, subtopic: collection, topic });
  if (refused !== undefined) return refused;
  const target: NewTarget = {
    user: comparableUser(user, users),
    deviceToken: deviceToken.toLowerCase(),
    accountId,
    subtopic: collection,
    apsVersion: APS_VERSION,
    topic,
    source: sourceOf(source, byHttp),
    expiresMs: atMs + Math.min(expiryMs, LONGEST_MS),
    subscriptions: [
      { ...collectionMailbox(collection, uniqueId), name: uniqueId, hash: mailboxHash(uniqueId) },
    ],
  };
  return { target };
}

/** Why such a target gets no pushes; undefined where nothing is wrong. */
export function collectionRefusal(
  target: Pick<NewTarget, 'user' | 'deviceToken' | 'accountId' | 'subtopic' | 'topic'>,
): Refusal | undefined {
  return userRefusal(target) ?? tokenRefusal(target) ?? keyRefusal(target) ?? topicRefusal(target);
}

function keyRefusal({ user, accountId }: Pick<NewTarget, 'user' | 'accountId'>): Refusal | undefined {
  if (!accountId.startsWith('/') && Buffer.byteLength(accountId) <= MAX_USER_BYTES) return undefined;
  return {
    fault: 'account id',
    refused: `registration of ${user} for a collection whose owner has no name, or one of more than ${MAX_USER_BYTES} bytes`,
    hint: 'look at what the mail server sends; the registration changed nothing',
  };
}

/** The app of each kind listens to its own topics. */
function topicRefusal({
  user,
  topic,
  ...target
}: Pick<NewTarget, 'user' | 'subtopic' | 'topic'>): Refusal | undefined {
  const kind = kindOf(target);
  if (kind === 'mail' || collectionOfTopic(topic) === kind) return undefined;
  const [option, prefix] = [OPTIONS[kind], COLLECTION_PREFIXES[kind]];
  return {
    fault: 'topic',
    refused: `registration of ${user} for ${kind} has the topic ${JSON.stringify(topic.slice(0, 100))}, expected one that begins ${prefix}`,
    hint: `set ${option} in imapd.conf to the topic of the certificate; the registration changed nothing`,
  };
}
