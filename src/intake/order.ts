import type { ReadItem } from '../events/read.ts';

/** Runs what takes an item, in its turn. */
export type InOrder = <T>(item: ReadItem, take: () => Promise<T>) => Promise<T>;

/**
 * Events are taken side by side, so that they share a transaction. A registration is taken after those that came before
 * it and before any event that comes after it, which it may concern.
 */
export function createOrder(): InOrder {
  let registering: Promise<unknown> = Promise.resolve();
  return (item, take) => {
    const taken = registering.then(take);
    if (registers(item)) registering = taken.catch(() => undefined); // whoever gave it is told
    return taken;
  };
}

/** One of these keys is in every registration, whichever server tells it; whether it can be taken shows later. */
const KEYS = ['apsAccountId', 'apsDeviceToken', 'ApsAccountId', 'registration'];

function registers(item: ReadItem): boolean {
  if ('bad' in item || typeof item.value !== 'object' || item.value === null) return false;
  const { value } = item;
  return KEYS.some((key) => Object.hasOwn(value, key));
}

/** So many at a time, in their order; what gives them is asked for no more than that. */
export function* inGroups<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let group: T[] = [];
  for (const item of items) {
    if (group.push(item) < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
