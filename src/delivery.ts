import { statSync } from 'node:fs';
import { connectApns } from './apns/client.ts';
import { type Credential, loadCredentials } from './apns/credentials.ts';
import { identityOf, rootsOf } from './apns/tls.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config/config.ts';
import type { Store } from './db.ts';
import { messageOf } from './errors.ts';
import { pushEntry, targetEntry } from './history/entries.ts';
import { type History, openHistory } from './history/history.ts';
import type { Log } from './log.ts';
import { withBearer } from './outbox/bearer.ts';
import { Courier, type CourierOptions } from './outbox/courier.ts';
import { leaseOwner } from './outbox/lease.ts';
import { createLine } from './outbox/line.ts';
import { Route } from './outbox/route.ts';

export interface Delivery {
  courier: Courier;
  /** Names it in leases. */
  owner: string;
  /** In use now. */
  credentials(): readonly Credential[];
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
}

/** Told of pushes besides the history. */
type Listeners = {
  [name in 'onSettled' | 'onGivenUp']?: CourierOptions[name] | undefined;
};

/** A courier as the configuration wants it. Throws OperatorError (exit 78) where a credential cannot be used. */
export function openDelivery(options: DeliveryOptions, { onSettled, onGivenUp }: Listeners = {}): Delivery {
  const { config, store, clock, log, throttled = false } = options;
  const history = openHistory(options);
  const routes = watchRoutes(options, history);
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
    connections: () => routes.current().filter(({ line }) => line.connected).length,
    close: () => routes.close(),
  };
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

function watchRoutes(options: DeliveryOptions, history: History): WatchedRoutes {
  try {
    return new WatchedRoutes(options);
  } catch (error) {
    history.record({
      kind: 'trouble',
      atMs: options.clock.nowMs(),
      reason: messageOf(error).replaceAll('\n', '; '),
    });
    throw error;
  }
}

/** The routes of the configured credentials; made anew when one of their files changes. */
class WatchedRoutes {
  readonly #options: DeliveryOptions;
  #credentials: Credential[];
  #routes: Route[];
  #seen: string;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#credentials = loadCredentials(options.config.apns, options.clock.nowMs());
    this.#seen = stateOf(this.#credentials);
    this.#routes = routesOf(this.#credentials, options);
  }

  get credentials(): readonly Credential[] {
    return this.#credentials;
  }

  current(): readonly Route[] {
    const state = stateOf(this.#credentials);
    if (state !== this.#seen) this.#reload(state);
    return this.#routes;
  }

  async close(): Promise<void> {
    await Promise.all(this.#routes.map(({ line }) => line.close()));
  }

  /** A file that cannot be used, perhaps half-written, changes nothing; it is read again when it changes again. */
  #reload(state: string): void {
    const { config, clock, log } = this.#options;
    this.#seen = state;
    try {
      this.#credentials = loadCredentials(config.apns, clock.nowMs());
      const old = this.#routes;
      this.#routes = routesOf(this.#credentials, this.#options);
      for (const { line } of old) void line.close();
      log.info('the credential has changed on disk and is used from now on');
    } catch (error) {
      log.error('the credential has changed on disk and cannot be used; the old one stays in use', {
        reason: messageOf(error),
      });
    }
  }
}

/** Changes whenever one of the files is written or replaced. */
function stateOf(credentials: readonly Credential[]): string {
  const files = new Set(credentials.flatMap(({ files }) => files));
  return [...files]
    .map((file) => {
      const stat = statSync(file, { throwIfNoEntry: false });
      return stat === undefined ? `${file} missing` : `${file} ${stat.ino} ${stat.size} ${stat.mtimeMs}`;
    })
    .join('\n');
}

/** A route for each credential. Throws OperatorError (exit 78) where `apns.ca` cannot be read. */
export function routesOf(
  credentials: readonly Credential[],
  { config: { apns }, store, clock }: Pick<DeliveryOptions, 'config' | 'store' | 'clock'>,
): Route[] {
  const roots = rootsOf(apns.ca);
  return credentials.map((credential) => {
    const identity = identityOf(credential);
    const line = createLine((timeoutMs) => connectApns(apns.server, identity, { ...roots, timeoutMs }));
    return new Route(
      credential,
      credential.kind === 'token' ? withBearer(line, credential, store, clock) : line,
    );
  });
}
