import { connectApns } from '../apns/client.ts';
import { type ReadCredentials, usableOf, watchCredentials } from '../apns/credentials/watch.ts';
import type { Inspection } from '../apns/credentials/credentials.ts';
import { identityOf } from '../apns/tls.ts';
import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../process/log.ts';
import { withBearer } from './bearer.ts';
import { createLines } from './lines.ts';
import { closedRoute, Route } from './route.ts';

export interface RouteOptions {
  config: Pick<Config, 'apns'>;
  store: Store;
  clock: Clock;
}

/** The routes of the configured credentials, as their files are now. */
export interface WatchedRoutes {
  readonly credentials: ReadCredentials;
  /** The same list as long as nothing has changed. */
  current(): readonly Route[];
  /** Takes up what has changed in the files; says whether anything did. */
  look(): boolean;
  close(): Promise<void>;
}

/** Makes the routes anew when a file changes, and tells the log. */
export function watchRoutes(options: RouteOptions & { log: Log }): WatchedRoutes {
  const { config, clock, log } = options;
  const watch = watchCredentials(config.apns, clock.nowMs());
  let routes = routesOf(watch.current, options);
  const look = (): boolean => {
    const before = watch.current;
    if (!watch.look(clock.nowMs())) return false;
    for (const { line } of routes) void line.close();
    routes = routesOf(watch.current, options);
    tellChange(before, watch.current, log);
    return true;
  };
  return {
    get credentials() {
      return watch.current;
    },
    current: () => {
      look();
      return routes;
    },
    look,
    close: async () => {
      await Promise.all(routes.map(({ line }) => line.close()));
    },
  };
}

/** A route for each credential that is wanted; closed where it cannot be used. */
export function routesOf(credentials: ReadCredentials, options: RouteOptions): Route[] {
  return credentials.inspections.map((inspection) => routeOf(inspection, credentials, options));
}

function routeOf(
  inspection: Inspection,
  { roots, troubles }: ReadCredentials,
  { config: { apns }, store, clock }: RouteOptions,
): Route {
  const { credential, source } = inspection;
  if (credential === undefined || roots === undefined) {
    const own = troubles.filter(({ called }) => called === source.called || called === 'apns.ca');
    return closedRoute(topicsOf(inspection), own.map(({ message }) => message).join('; '));
  }
  const identity = identityOf(credential);
  const { server, proxy, connections = 1 } = apns;
  const line = createLines(connections, (timeoutMs) =>
    connectApns(server, identity, { ...roots, proxy, timeoutMs }),
  );
  return new Route(
    credential,
    credential.kind === 'token' ? withBearer(line, credential, store, clock) : line,
  );
}

/** What is known of a credential that cannot be used; empty where nothing is. */
function topicsOf({ credential, topic, source }: Inspection): readonly string[] {
  if (credential !== undefined) return credential.topics;
  const known = topic ?? source.topic;
  return known === undefined ? [] : [known];
}

function tellChange(before: ReadCredentials, now: ReadCredentials, log: Log): void {
  if (now.troubles.length > 0) tellTroubles(now, log);
  else if (usableOf(before).length === 0) log.info('the credential can be used: what waited is sent now');
  else log.info('the credential has changed on disk and is used from now on');
}

/** A line for everything that keeps a credential from being used. */
export function tellTroubles({ inspections, roots, troubles }: ReadCredentials, log: Log): void {
  for (const { called, message: reason, hint: fix } of troubles) {
    const inUse = inspections.some(
      ({ credential, source }) => credential !== undefined && source.called === called,
    );
    const isHarmless = roots !== undefined && (inUse || called === 'apns.ca');
    log.error(isHarmless ? FORMER_IN_USE : NOTHING_SENT, { credential: called, reason, fix });
  }
}

const FORMER_IN_USE = 'the credential has changed on disk and cannot be used; the old one stays in use';
const NOTHING_SENT = 'a credential cannot be used: its pushes wait until it is right';
