import { randomUuid } from '../process/random-uuid.ts';
import { isInbox, type Mailbox } from '../mailboxes/mailbox.ts';
import type { ServiceName } from '../services/endpoint.ts';
import { enabledServices } from '../services/enabled.ts';
import { webhookEndpoint } from '../services/webhook.ts';
import type { Store } from '../store/store.ts';
import type { IntakeOptions } from './intake.ts';
import type { Decision } from './policy.ts';

/** A change that somebody may be told of; its mailboxes with their owners as the store has them. */
type Change = Pick<Extract<Decision, { act: 'push' }>, 'name' | 'mailboxes' | 'isOwn'>;

/** Has other push services tell it to those who own the mailboxes; gives how many endpoints now wait. Throws StoreError. */
export type EnqueueNotices = (change: Change, store: Store, atMs: number) => Promise<number>;

/** For the services that are switched on. */
export function createNotices({ config, clock }: Pick<IntakeOptions, 'config' | 'clock'>): EnqueueNotices {
  const enabled = enabledServices(config);
  const haveWebhooks = registersWebhooks(config.webhook.urls, () => clock.nowMs());
  return async (change, store, atMs) => {
    let endpoints = 0;
    for (const mailbox of ownMailboxes(change.mailboxes)) {
      const services = enabled.filter((service) => isToldBy(service, change, mailbox));
      if (services.includes('webhook')) await haveWebhooks(mailbox.owner, store);
      const { endpointIds } = await store.enqueueNotices({
        ...{ users: [mailbox.owner], services, nowMs: clock.nowMs(), newId: randomUuid },
        notice: { event: change.name, mailbox: mailbox.path, eventMs: atMs },
        throttleMs: config.delivery.throttleMs,
      });
      endpoints += endpointIds.length;
    }
    return endpoints;
  };
}

/** The first of each owner: of a move that is where the messages are now. */
function ownMailboxes(mailboxes: readonly Mailbox[]): Mailbox[] {
  const owned = mailboxes.filter(({ owner }) => owner !== '');
  return owned.filter(({ owner }, index) => owned.findIndex((other) => other.owner === owner) === index);
}

/** Delta Chat is woken by what others have sent; its own messages it has already. */
function isToldBy(service: ServiceName, { name, isOwn }: Change, mailbox: Mailbox): boolean {
  return service !== 'deltachat' || (name === 'MessageNew' && isInbox(mailbox) && isOwn !== true);
}

/** So many users are remembered; of more of them some are asked about again. */
const MOST_REMEMBERED = 10_000;

/** Every user has the addresses of the administrator: they are written down when a user is first told of. */
function registersWebhooks(
  urls: readonly string[],
  nowMs: () => number,
): (user: string, store: Store) => Promise<void> {
  let remembered = { users: new Set<string>(), store: undefined as Store | undefined };
  return async (user, store) => {
    if (remembered.store !== store || remembered.users.size >= MOST_REMEMBERED)
      remembered = { users: new Set(), store };
    if (remembered.users.has(user)) return;
    const request = { nowMs: nowMs(), maxPerUser: urls.length, isProven: true };
    for (const url of urls) await store.registerEndpoint(webhookEndpoint(url, user), request);
    remembered.users.add(user);
  };
}
