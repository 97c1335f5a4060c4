import type { Mailbox } from './mailbox.ts';

/** What a device hears of: mail, or what CalDAV and CardDAV keep. */
export const KINDS = ['mail', 'calendar', 'contacts'] as const;

export type Kind = (typeof KINDS)[number];

/** Of a collection: a calendar or an address book. */
export type CollectionKind = Exclude<Kind, 'mail'>;

export const COLLECTION_KINDS = ['calendar', 'contacts'] as const satisfies readonly CollectionKind[];

/** Stands where a mailbox has its owner: a collection is known by its unique id alone, whoever's it is. */
const OWNERS: Readonly<Record<CollectionKind, string>> = { calendar: '#calendar', contacts: '#contacts' };

/** A collection as a mailbox, so that it is looked up, waits and is told of as one. */
export function collectionMailbox(kind: CollectionKind, uniqueId: string): Mailbox {
  return { owner: OWNERS[kind], path: uniqueId };
}

/** Whether what waits is of a calendar or an address book, which nothing of Mail waits with. */
export function isOfCollection({
  mailboxes: [first],
}: {
  mailboxes: readonly Pick<Mailbox, 'owner'>[];
}): boolean {
  return first !== undefined && kindOfMailbox(first) !== 'mail';
}

/** What a mailbox holds. */
export function kindOfMailbox({ owner }: Pick<Mailbox, 'owner'>): Kind {
  if (owner === OWNERS.calendar) return 'calendar';
  return owner === OWNERS.contacts ? 'contacts' : 'mail';
}
