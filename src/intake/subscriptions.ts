import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import { comparableUser } from '../mailboxes/user-name.ts';
import { randomUuid } from '../process/random-uuid.ts';
import { createAddressGuard } from '../services/address-guard.ts';
import type { NewEndpoint } from '../services/endpoint.ts';
import { keyFileOf, readOrMakeKey } from '../services/webpush/key-file.ts';
import { type Subscription, webPushEndpoint } from '../services/webpush/subscription.ts';
import type { Store } from '../store/store.ts';

export interface SubscriptionsOptions {
  config: Pick<Config, 'store' | 'users' | 'targets' | 'webpush' | 'delivery'>;
  clock: Pick<Clock, 'nowMs'>;
  /** Throws StoreError where it cannot be used now. */
  store: () => Store;
  /** Called when a notice waits anew. */
  onNotice: () => void;
}

/** Subscriptions to Web Push, through whatever door they come; names of users are as the mail server has them. */
export interface Subscriptions {
  /** The public key that apps subscribe by. Rejects with OperatorError where it cannot be read or made. */
  key(): Promise<string>;
  /** Adds or renews it; a new one is sent a notice that proves it. `problem` where its address is none that may be called. */
  register(user: string, subscription: Subscription): Promise<{ isProven: boolean } | { problem: string }>;
  /** Whether the user had one with that URL. */
  remove(user: string, endpoint: string): Promise<boolean>;
}

export function openSubscriptions({ config, clock, store, onNotice }: SubscriptionsOptions): Subscriptions {
  const { allowPrivateAddresses } = config.webpush;
  const guard = allowPrivateAddresses ? undefined : createAddressGuard();
  return {
    key: () => Promise.resolve().then(() => readOrMakeKey(keyFileOf(config)).publicKey),
    register: async (name, subscription) => {
      const problem = guard?.problemOf(new URL(subscription.endpoint));
      if (problem !== undefined) return { problem };
      const endpoint = webPushEndpoint(subscription, comparableUser(name, config.users));
      const nowMs = clock.nowMs();
      const request = { nowMs, maxPerUser: config.targets.maxPerUser, isProven: false };
      const { id, isProven } = await store().registerEndpoint(endpoint, request);
      if (!isProven) await validate(endpoint, id, store(), { nowMs, ...config.delivery });
      if (!isProven) onNotice();
      return { isProven };
    },
    remove: async (name, url) => {
      const user = comparableUser(name, config.users);
      const { fingerprint } = webPushEndpoint({ endpoint: url, p256dh: NONE, auth: NONE }, user);
      const removed = await store().removeEndpoints({ user, service: 'webpush', fingerprint });
      return removed.length > 0;
    },
  };
}

/** Of a subscription that is known by its URL alone. */
const NONE = Buffer.alloc(0);

/** Asks whether the app is there: mail is told to it when its push service has taken that. */
async function validate(
  { user, service }: NewEndpoint,
  endpointId: number,
  store: Store,
  { nowMs, throttleMs }: { nowMs: number; throttleMs: number },
): Promise<void> {
  await store.enqueueNotices({
    ...{ users: [user], services: [service], endpointId, isUnproven: true },
    notice: { event: 'validation', mailbox: '', eventMs: nowMs },
    ...{ nowMs, throttleMs, newId: randomUuid },
  });
}
