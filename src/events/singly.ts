import { singleTransactions } from './dovecot.ts';
import { MAX_EVENTS_PER_LINE } from './parse.ts';
import type { ReadItem } from './read.ts';
import { singleNotifications } from './xaps.ts';

/**
 * Each event of a list, of a transaction of Dovecot and of a notification of its XAPS plugin as an item of its own: what
 * cannot be taken of it is kept without the others, which were.
 */
export function* singly(items: Iterable<ReadItem>): Generator<ReadItem> {
  for (const item of items) yield* ('bad' in item ? undefined : eventsOf(item.value)) ?? [item];
}

/** Undefined for what is no list of events that are taken one by one. */
function eventsOf(value: unknown): ReadItem[] | undefined {
  if (!Array.isArray(value)) return itemsOf(partsOf(value));
  if (value.length === 0 || value.length > MAX_EVENTS_PER_LINE) return undefined;
  if (value.some(Array.isArray)) return undefined; // which are no events, and would become lists
  return itemsOf(value.flatMap((event: unknown) => partsOf(event) ?? [event]));
}

/** Undefined for what is one event, or what is refused as a whole. */
function partsOf(value: unknown): unknown[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const event = value as Record<string, unknown>;
  const parts = singleTransactions(event) ?? singleNotifications(event);
  return parts === undefined || parts.length < 2 || parts.length > MAX_EVENTS_PER_LINE ? undefined : parts;
}

function itemsOf(events: unknown[] | undefined): ReadItem[] | undefined {
  try {
    return events?.map((event) => ({ raw: Buffer.from(JSON.stringify(event)), value: event }));
  } catch {
    return undefined; // nested so deeply that it can be read and not be written
  }
}
