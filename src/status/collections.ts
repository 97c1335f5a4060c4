import { COLLECTION_KINDS } from '../mailboxes/collection.ts';
import { countOf } from '../process/text.ts';
import type { StatusJson } from './json.ts';
import type { Row } from './screen.ts';
import type { Status } from './status.ts';

const NAMES = { calendar: 'calendars', contacts: 'contacts' } as const;

/** A row for each kind of collection that somebody has subscribed to. */
export function collectionRows({ targets: { collections } }: Status): Row[] {
  return COLLECTION_KINDS.filter((kind) => collections[kind].targets > 0).map((kind) => {
    const { targets, users } = collections[kind];
    const text = `${countOf(targets, 'subscription')}, of ${countOf(users, 'user')}`;
    return { name: NAMES[kind], text, tone: 'plain' };
  });
}

/** The same for programs, with what is 0. */
export function collectionsJson({ targets: { collections } }: Status): StatusJson['collections'] {
  const { calendar, contacts } = collections;
  return {
    calendar: { subscriptions: calendar.targets, users: calendar.users },
    contacts: { subscriptions: contacts.targets, users: contacts.users },
  };
}
