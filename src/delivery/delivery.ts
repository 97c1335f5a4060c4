import { type Credential, expiryWarning } from '../apns/credentials/credentials.ts';
import { type ReadCredentials, troubleError, usableOf } from '../apns/credentials/watch.ts';
import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import type { Store } from '../store/store.ts';
import { pushEntry, targetEntry } from '../history/entries.ts';
import { type History, openHistory } from '../history/history.ts';
import type { Log } from '../process/log.ts';
import { Courier, type CourierOptions } from './courier.ts';
import { leaseOwner } from './lease.ts';
import { tellTroubles, watchRoutes, type WatchedRoutes } from './routes.ts';

export interface Delivery {
  courier: Courier;
  /** Names it in leases. */
  owner: string;
  /** As they were when it last looked. */
  credentials(): ReadCredentials;
  /** Takes up what has changed in their files; says whether anything did. Each drain does the same. */
  look(): boolean;
  /** Warns in the log of credentials that end soon, once a day for all processes of the store together. */
  warnOfExpiry(): Promise<void>;
  /** Open to Apple. */
  connections(): number;
  close(): Promise<void>;
}

export interface DeliveryOptions {
  config: Config;
  store: Store;
  clock: Clock;
  log: Log;
  /** Hold pushes back by `delivery.throttle`: somebody is there to send them later. */
  throttled?: boolean;
  /** Open without a usable credential too: pushes wait, and go out when it is right. */
  patient?: boolean;
  /** The log has been told of what is wrong with the credentials. */
  told?: boolean;
}

/** Told of pushes besides the history. */
type Listeners = {
  [name in 'onSettled' | 'onGivenUp']?: CourierOptions[name] | undefined;
};

/** A courier as the configuration wants it. Throws OperatorError (exit 78) where no credential can be used. */
export function openDelivery(options: DeliveryOptions, { onSettled, onGivenUp }: Listeners = {}): Delivery {
  const { config, store, clock, log, throttled = false } = options;
  const history = openHistory(options);
  const routes = openRoutes(options, history);
  const owner = leaseOwner();
  const courier = new Courier({
    store,
    routes: () => routes.current(),
    owner,
    server: config.apns.server.origin,
    expiryMs: config.delivery.expiryMs,
    giveUpMs: config.delivery.giveUpMs,
    throttleMs: throttled ? config.delivery.throttleMs : 0,
    disableAfterMs: config.targets.disableAfterMs,
    clock,
    random: Math.random,
    log,
    ...recording(history, clock, { onSettled, onGivenUp }),
  });
  return {
    courier,
    owner,
    credentials: () => routes.credentials,
    look: () => routes.look(),
    warnOfExpiry: () => warnOfExpiry(usableOf(routes.credentials), options),
    connections: () => routes.current().filter(({ line }) => line.connected).length,
    close: () => routes.close(),
  };
}

/** Often enough to be seen, seldom enough to be read. */
const WARNING_INTERVAL_MS = 24 * 60 * 60_000;

async function warnOfExpiry(
  credentials: readonly Credential[],
  { config, store, clock, log }: DeliveryOptions,
): Promise<void> {
  const server = config.apns.server.origin;
  for (const credential of credentials) {
    const warning = expiryWarning(credential, clock.nowMs());
    if (warning === undefined) continue;
    const { fingerprint } = credential;
    if (await store.mayWarn({ fingerprint, server }, clock.nowMs(), WARNING_INTERVAL_MS)) log.warn(warning);
  }
}

/** What the history is told of pushes, and whoever else wants to know. */
function recording(
  history: History,
  clock: Clock,
  { onSettled, onGivenUp }: Listeners,
): Required<Pick<CourierOptions, 'onSettled' | 'onGivenUp'>> {
  return {
    onSettled: (push, outcome, settlement) => {
      history.record(pushEntry(push, outcome, settlement, clock.nowMs()));
      onSettled?.(push, outcome, settlement);
    },
    onGivenUp: (dropped, named) => {
      for (const { user, deviceToken, reason } of named)
        history.record(targetEntry({ user, deviceToken }, 'push given up', clock.nowMs(), reason));
      onGivenUp?.(dropped, named);
    },
  };
}

/** Throws OperatorError (exit 78) where nothing can be sent and nobody is there to wait. */
function openRoutes(options: DeliveryOptions, history: History): WatchedRoutes {
  const { patient = false, told = false, clock, log } = options;
  const routes = watchRoutes(options);
  const { credentials } = routes;
  const error = troubleError(credentials);
  const isUsable = usableOf(credentials).length > 0;
  if (credentials.troubles.length > 0 && !told) {
    const reason = error.message.replaceAll('\n', '; ');
    history.record({ kind: 'trouble', atMs: clock.nowMs(), reason });
  }
  if (!isUsable && !patient) throw error;
  if (!told) tellTroubles(credentials, log);
  return routes;
}
