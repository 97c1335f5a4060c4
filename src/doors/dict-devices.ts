import type { Config } from '../config/config.ts';
import type { Subscriptions } from '../intake/subscriptions.ts';
import { comparableUser } from '../mailboxes/user-name.ts';
import type { Log } from '../process/log.ts';
import type { MetadataChange } from '../store/metadata.ts';
import { type DeviceChange, deviceChanges } from './dict-deltachat.ts';
import { type DictUse, patiently } from './dict-store.ts';
import { type SubscriptionEntry, subscriptionChanges, subscriptionIn } from './dict-webpush.ts';

export interface DictDevicesOptions extends DictUse {
  config: () => Pick<Config, 'users' | 'deltachat' | 'webpush'>;
  /** Those to Web Push, kept in that store. Rejects as `use` does. */
  subscriptions: () => Promise<Subscriptions>;
  log: Log;
}

/** Devices of a user. */
export const MAX_DEVICES = 20;

/** Has the devices of Delta Chat follow what was committed, where that is switched on. */
export async function followDevices(
  user: string,
  changes: readonly MetadataChange[],
  options: DictDevicesOptions,
): Promise<void> {
  if (!options.config().deltachat.enabled) return;
  const name = comparableUser(user, options.config().users);
  // An entry holds one token alone, that of the device that came last; so devices are added, and known for some time.
  for (const device of deviceChanges(changes))
    if (device.kind === 'add') await add(name, device.endpoint, options);
    else await removeAll(name, options);
}

async function add(
  user: string,
  endpoint: Extract<DeviceChange, { kind: 'add' }>['endpoint'],
  options: DictDevicesOptions,
): Promise<void> {
  const { keepMs } = options.config().deltachat;
  const { created, evicted } = await patiently(options, (store, nowMs) =>
    store.registerEndpoint(
      { ...endpoint, user, expiresMs: nowMs + keepMs },
      { nowMs, maxPerUser: MAX_DEVICES, isProven: true },
    ),
  );
  const message = created ? 'a device of Delta Chat was registered' : 'a device of Delta Chat was renewed';
  options.log.info(message, { user, evicted });
}

async function removeAll(user: string, options: DictDevicesOptions): Promise<void> {
  const removed = await patiently(options, (store) => store.removeEndpoints({ user, service: 'deltachat' }));
  if (removed.length === 0) return;
  options.log.info('an app of Delta Chat takes its token back: all devices of the user are removed', {
    user,
    devices: removed.length,
  });
}

/** The URLs of the subscriptions in the entries that are about to be changed, by key. */
export async function subscriptionsBefore(
  user: string,
  changes: readonly MetadataChange[],
  options: DictDevicesOptions,
): Promise<Map<string, string>> {
  const before = new Map<string, string>();
  if (!options.config().webpush.enabled) return before;
  for (const { key } of subscriptionChanges(changes)) {
    const value = await patiently(options, (store) => store.metadataValue(user, key));
    const entry = value === undefined ? undefined : subscriptionIn(value);
    if (entry !== undefined && 'endpoint' in entry) before.set(key, entry.endpoint);
  }
  return before;
}

/** Has the subscriptions to Web Push follow what was committed, where that is switched on. */
export async function followSubscriptions(
  user: string,
  changes: readonly MetadataChange[],
  before: ReadonlyMap<string, string>,
  options: DictDevicesOptions,
): Promise<void> {
  if (!options.config().webpush.enabled) return;
  for (const { key, value } of subscriptionChanges(changes)) {
    const entry = value === undefined ? undefined : subscriptionIn(value);
    const endpoint = entry !== undefined && 'endpoint' in entry ? entry.endpoint : undefined;
    const old = before.get(key);
    if (old !== undefined && old !== endpoint)
      await patiently(options, async () => (await options.subscriptions()).remove(user, old));
    const problem = entry === undefined ? undefined : await register(user, entry, options);
    if (problem !== undefined)
      options.log.warn('a subscription to Web Push in METADATA is kept and never told of anything', {
        user,
        problem,
      });
  }
}

/** Gives why it is none. */
async function register(
  user: string,
  entry: SubscriptionEntry,
  options: DictDevicesOptions,
): Promise<string | undefined> {
  if ('problem' in entry) return entry.problem;
  const registered = await patiently(options, async () =>
    (await options.subscriptions()).register(user, entry),
  );
  return 'problem' in registered ? registered.problem : undefined;
}
