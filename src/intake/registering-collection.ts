import type { CollectionRegistration } from '../events/mail-event.ts';
import { admitCollection } from '../targets/collection.ts';
import type { Refusal } from '../targets/target.ts';
import { type Arrival, type RegisteringOptions, tell } from './registering.ts';

/** A device hears of many collections: beside each of its user's devices that Mail has, so many may be registered. */
const COLLECTIONS_PER_DEVICE = 20;

/** Takes the registration for a calendar or an address book into the database; gives why where it is none. */
export async function registerFor(
  registration: CollectionRegistration,
  { config, clock, store, atMs, byHttp = false, ...options }: RegisteringOptions & Arrival,
): Promise<Refusal | undefined> {
  const nowMs = clock.nowMs();
  const rules = { users: config.users, byHttp, atMs: Math.min(atMs ?? nowMs, nowMs) };
  const admission = admitCollection(registration, rules);
  if ('refused' in admission) return admission;
  const { target } = admission;
  const maxPerUser = config.targets.maxPerUser * COLLECTIONS_PER_DEVICE;
  const result = await (await store()).register(target, { nowMs, atMs, maxPerUser });
  tell({ target, droppedMailboxes: 0 }, result, { ...options, clock });
  return undefined;
}
