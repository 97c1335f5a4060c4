import { deltaChatDefault } from './dict-deltachat.ts';
import {
  type DictDevicesOptions,
  followDevices,
  followSubscriptions,
  subscriptionsBefore,
} from './dict-devices.ts';
import { type DictStore, patiently } from './dict-store.ts';
import { isVapidKey, pemOf } from './dict-webpush.ts';
import type { MetadataChange, MetadataEntry } from '../store/metadata.ts';

/** What METADATA is kept by. Each rejects where the store cannot say, or cannot take it. */
export interface DictKeeper {
  value(user: string, key: string): Promise<Uint8Array | undefined>;
  /** By their keys. */
  under(user: string, prefix: string): Promise<MetadataEntry[]>;
  /** Resolves when all of it is safe; or with the reason why none of it is kept. */
  commit(user: string, changes: readonly MetadataChange[]): Promise<{ refused?: string }>;
}

/** Entries of a user in all mailboxes together; and those of a mailbox that everybody shares. */
export const MAX_ENTRIES = 64;

/** Keeps METADATA in the store, and knows Delta Chat's devices by it where that is switched on. */
export function createDictKeeper(options: DictDevicesOptions): DictKeeper {
  return {
    value: async (user, key) => {
      const value = await patiently(options, (store) => store.metadataValue(ownerOf(user, key), key));
      return value ?? defaultOf(key, options);
    },
    under: (user, prefix) =>
      patiently(options, (store) => store.metadataUnder(ownerOf(user, prefix), prefix)),
    commit: (user, changes) => commit(user, changes, options),
  };
}

/** What apps look for that register here. */
async function defaultOf(
  key: string,
  { config, subscriptions }: DictDevicesOptions,
): Promise<Uint8Array | undefined> {
  const { deltachat, webpush } = config();
  if (webpush.enabled && isVapidKey(key)) return Buffer.from(pemOf(await (await subscriptions()).key()));
  return deltachat.enabled ? deltaChatDefault(key) : undefined;
}

const SHARED = 'shared/';

/**
 * An entry below shared/ has no user: it is the mailbox's, named by its GUID, and Dovecot asks for it in the name of
 * whoever looks into that. The others are the user's, whose name is kept as Dovecot has it.
 */
function ownerOf(user: string, key: string): string {
  return key.startsWith(SHARED) ? '' : user;
}

async function commit(
  user: string,
  changes: readonly MetadataChange[],
  options: DictDevicesOptions,
): Promise<{ refused?: string }> {
  const [first] = changes;
  if (first === undefined) return {};
  const owner = ownerOf(user, first.key);
  const areMixed = changes.some(({ key }) => ownerOf(user, key) !== owner);
  // Dovecot keeps them apart, and the store could keep one half without the other.
  if (areMixed) return { refused: 'private and shared entries in one transaction' };
  if (user === '') return { refused: 'a transaction of nobody' };
  const before = await subscriptionsBefore(user, changes, options);
  const refused = await patiently(options, (store, nowMs) => change({ store, nowMs }, owner, changes));
  if (refused !== undefined) return { refused };
  await followDevices(user, changes, options);
  await followSubscriptions(user, changes, before, options);
  return {};
}

/** Gives why it is refused. */
async function change(
  { store, nowMs }: { store: DictStore; nowMs: number },
  owner: string,
  changes: readonly MetadataChange[],
): Promise<string | undefined> {
  const isShared = owner === '';
  if (isShared && (await isMailboxFull(store, changes)))
    return `a mailbox has ${MAX_ENTRIES} shared entries at most`;
  const maxEntries = isShared ? Number.MAX_SAFE_INTEGER : MAX_ENTRIES;
  const changed = await store.changeMetadata(owner, changes, { nowMs, maxEntries });
  return changed === 'full' ? `a user has ${MAX_ENTRIES} entries at most` : undefined;
}

/** Whether one of these mailboxes would get more than it may have. Two at once may get one more, which does no harm. */
async function isMailboxFull(store: DictStore, changes: readonly MetadataChange[]): Promise<boolean> {
  const mailboxes = new Set(changes.map(({ key }) => /^shared\/[^/]+\//.exec(key)?.[0] ?? SHARED));
  for (const mailbox of mailboxes) {
    const before = new Set((await store.metadataUnder('', mailbox)).map(({ key }) => key));
    const after = new Set(before);
    for (const { key, value } of changes.filter((each) => each.key.startsWith(mailbox)))
      if (value === undefined) after.delete(key);
      else after.add(key);
    if (after.size > before.size && after.size > MAX_ENTRIES) return true;
  }
  return false;
}
