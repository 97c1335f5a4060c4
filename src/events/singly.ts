import { MAX_EVENTS_PER_LINE } from './parse.ts';
import type { ReadItem } from './read.ts';

/** Each event of a list as an item of its own: what cannot be taken of it is kept without the others, which were. */
export function* singly(items: Iterable<ReadItem>): Generator<ReadItem> {
  for (const item of items) yield* ('bad' in item ? undefined : eventsOf(item.value)) ?? [item];
}

/** Undefined for what is no list of events that are taken one by one. */
function eventsOf(value: unknown): ReadItem[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_EVENTS_PER_LINE) return undefined;
  if (value.some(Array.isArray)) return undefined; // which are no events, and would become lists
  try {
    return value.map((event: unknown) => ({ raw: Buffer.from(JSON.stringify(event)), value: event }));
  } catch {
    return undefined; // nested so deeply that it can be read and not be written
  }
}
