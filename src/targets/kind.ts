import type { CollectionKind, Kind } from '../mailboxes/collection.ts';
import type { NewTarget } from './target.ts';

/** What the apps for calendars and contacts listen to: topics of macOS Server's certificates. */
export const COLLECTION_PREFIXES: Readonly<Record<CollectionKind, string>> = {
  calendar: 'com.apple.calendar.XServer.',
  contacts: 'com.apple.contact.XServer.',
};

/** Where Cyrus has the topic: the option of imapd.conf. */
export const OPTIONS = { calendar: 'aps_topic_caldav', contacts: 'aps_topic_carddav' } as const;

/** What a target hears of. One of a collection has its kind as subtopic, which CalDAV and CardDAV do not know. */
export function kindOf({ subtopic }: Pick<NewTarget, 'subtopic'>): Kind {
  return subtopic === 'calendar' || subtopic === 'contacts' ? subtopic : 'mail';
}

/** The kind of collection whose app acts on a push with this topic; undefined where none does. */
export function collectionOfTopic(topic: string): CollectionKind | undefined {
  const isOf = (kind: CollectionKind): boolean =>
    topic.startsWith(COLLECTION_PREFIXES[kind]) && topic.length > COLLECTION_PREFIXES[kind].length;
  if (isOf('calendar')) return 'calendar';
  return isOf('contacts') ? 'contacts' : undefined;
}
