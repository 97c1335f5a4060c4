import { randomUUID } from 'node:crypto';
import type { Config } from '../config/config.ts';
import { noticeEntry } from '../history/entries.ts';
import { openHistory } from '../history/history.ts';
import type { Clock } from '../process/clock.ts';
import type { Log } from '../process/log.ts';
import { openServices } from '../services/services.ts';
import type { Store } from '../store/store.ts';
import { isDeadOwner, leaseOwner } from './lease.ts';
import { NoticeCourier } from './notice-courier.ts';
import type { EndedNotice } from './notice-sending.ts';
import { tellsNotices } from './notice-tell.ts';

/** What waits for other push services, and who takes it there. */
export interface NoticeDelivery {
  courier: NoticeCourier;
  /** Names it in leases. */
  owner: string;
  close(): Promise<void>;
}

export interface NoticeDeliveryOptions {
  config: Config;
  store: Store;
  clock: Clock;
  log: Log;
  /** Told of each attempt besides history and log. */
  onSettled?: ((ended: EndedNotice) => void) | undefined;
  /** By default those of the configuration. */
  services?: ReturnType<typeof openServices> | undefined;
}

/** A courier of notices as the configuration wants it. Only a `serve` has one. */
export function openNotices(options: NoticeDeliveryOptions): NoticeDelivery {
  const { config, store, clock, log, onSettled } = options;
  const services = options.services ?? openServices(config, { clock });
  const history = openHistory(options);
  const tell = tellsNotices(log, clock);
  const owner = leaseOwner();
  const courier = new NoticeCourier({
    ...{ store, services, owner, clock },
    giveUpMs: {
      deltachat: config.deltachat.giveUpMs,
      webpush: config.webpush.giveUpMs,
      webhook: config.webhook.giveUpMs,
    },
    throttleMs: config.delivery.throttleMs,
    random: Math.random,
    newId: randomUUID,
    onSettled: (ended) => {
      history.record(noticeEntry(ended, clock.nowMs()));
      tell(ended);
      onSettled?.(ended);
    },
  });
  return {
    courier,
    owner,
    close: async () => {
      await Promise.all([...services.values()].map((service) => service.close()));
    },
  };
}

/** Releases what dead processes of this host were sending before their leases end. Gives how many. */
export async function releaseDeadNotices(store: Store): Promise<number> {
  const dead = (await store.noticeOwners()).filter(isDeadOwner);
  return dead.length === 0 ? 0 : store.releaseNotices(dead);
}
