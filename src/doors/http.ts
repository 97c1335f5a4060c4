import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { TlsConfig } from '../config/config.ts';
import { reportError } from '../process/report.ts';
import type { Door } from './door.ts';
import type { Place } from './http-address.ts';
import { type Answer, NO_ROOM, text, TOO_LARGE, UNAUTHORIZED } from './http-answer.ts';
import { createGate, type Gate } from './http-authorization.ts';
import { createBodyBudget } from './http-body-budget.ts';
import { type BodyLimits, readBody } from './http-body.ts';
import { type Connections, watchConnections } from './http-connections.ts';
import { createForeignGate, type ForeignGate, typeRefusal } from './http-foreign.ts';
import { HTTP_LIMITS, type HttpLimits } from './http-limits.ts';
import { listen, type HttpListening, type HttpListeningOptions } from './http-listen.ts';
import { createPace } from './http-pace.ts';
import { createRefusalLog } from './http-refusals.ts';
import { findRoute, type RouteContext } from './http-routes.ts';
import { sharedScrape } from './http-scrape.ts';
import { createHttpServer } from './http-server.ts';
import { oneAtATime } from './http-turns.ts';

export interface HttpDoorOptions extends Omit<RouteContext, 'isPrivate'>, HttpListeningOptions {
  /** `host:port`, `[IPv6 address]:port` or `unix:/path`; or the descriptors of sockets that systemd holds. */
  listen: string | readonly number[];
  /** `user:password` that clients must give; without it only the loopback and Unix sockets are listened on. */
  authorization?: string | undefined;
  /** Without it what comes is not encrypted. */
  tls?: TlsConfig | undefined;
  limits?: Partial<HttpLimits>;
}

export interface HttpDoor extends Door {
  /** Where it listens, in the notation of `listen`; a port 0 has become the real one. */
  address: string;
  at: HttpListening['at'];
  /**
   * Serves requests by these from now on. Throws OperatorError where the address needs a password; and where TLS cannot
   * be as it is wanted, while all else is in force.
   */
  change(settings: HttpSettings): void;
}

/** What may change while it listens. */
export type HttpSettings = Pick<
  HttpDoorOptions,
  'authorization' | 'metrics' | 'page' | 'padsTopic' | 'subscriptions' | 'tls'
>;

/**
 * Listens for HTTP: the routes of Dovecot's XAPS plugin and OX driver, /events, and what monitoring asks.
 * Throws OperatorError where it must not or cannot listen there.
 */
export async function openHttpDoor(options: HttpDoorOptions): Promise<HttpDoor> {
  const limits = { ...HTTP_LIMITS, ...options.limits };
  const { server, takeTls, endTls } = createHttpServer(options, limits);
  server.timeout = limits.silenceMs;
  // A client that sends no more still gets its answers (RFC 9112, 9.6); the property is Node's, though not in its types.
  Object.assign(server, { httpAllowHalfOpen: true });
  const connections = watchConnections(server, limits.connections);
  const bodies: BodyLimits = { budget: createBodyBudget(), pace: createPace() };
  const make = (changed: HttpDoorOptions, place: Place): Service =>
    createService(changed, place, connections, bodies);
  let service = make(options, ANYWHERE);
  server.on(
    'request',
    oneAtATime((request, response) => serve(request, response, service)),
  );
  const hasPassword = options.authorization !== undefined;
  const listening = await listen(server, options.listen, hasPassword, options);
  service = make(options, listening.place);
  return {
    address: listening.address,
    at: listening.at,
    change: (settings) => {
      listening.allow(settings.authorization !== undefined);
      service = make({ ...options, ...settings }, listening.place);
      takeTls(settings.tls); // the last: a leaked password ends whatever the files are like
    },
    close: async () => {
      endTls();
      const { ended } = await listening.stop();
      await close(server, ended, connections, limits.closingMs);
    },
  };
}

/** Until it is known where it listens, what comes is judged as if from a port. */
const ANYWHERE: Place = { host: '::', port: 0 };

interface Service extends HttpDoorOptions, RouteContext {
  foreign: ForeignGate;
  gate: Gate;
  bodies: BodyLimits;
  connections: Connections;
  tellRefusal: (answer: Answer) => Answer;
}

function createService(
  options: HttpDoorOptions,
  place: Place,
  connections: Connections,
  bodies: BodyLimits,
): Service {
  const { authorization, metrics, log } = options;
  return {
    ...options,
    ...(metrics !== undefined && { metrics: sharedScrape(metrics) }),
    foreign: createForeignGate(place, authorization !== undefined),
    gate: createGate(authorization, log),
    isPrivate: authorization !== undefined || 'path' in place,
    bodies,
    connections,
    tellRefusal: createRefusalLog(log),
  };
}

async function serve(request: IncomingMessage, response: ServerResponse, service: Service): Promise<void> {
  response.on('error', () => undefined); // a client that has gone needs no answer
  try {
    const answer = await answerTo(request, service);
    if (answer !== undefined) send(response, answer, service.connections.closing);
  } catch (error) {
    reportError(error, service.log);
    send(response, text(500, 'internal error\n'), true);
  }
}

/** Undefined where the client left before its request was complete. */
async function answerTo(request: IncomingMessage, service: Service): Promise<Answer | undefined> {
  const { method = '', headers } = request;
  const [path, query] = partsOf(request);
  const route = findRoute(method, path);
  const foreign = service.foreign(headers, route.isLookedAt);
  if (foreign !== undefined) return service.tellRefusal(foreign);
  if (!route.open && !service.gate(headers.authorization)) return UNAUTHORIZED;
  if ('answer' in route) return route.answer;
  if (!route.takesBody) return route.handle(Buffer.alloc(0), service, query);
  const body = await takeBody(request, service);
  if (!Buffer.isBuffer(body)) return body;
  const answer = await route.handle(body, service, query);
  service.log.debug('answered over HTTP', { method, route: route.name, status: answer.status });
  return answer;
}

/** The path of the URL, and what follows its ?. */
function partsOf({ url = '' }: IncomingMessage): [path: string, query: string] {
  const [path = '', ...query] = url.split('?');
  return [path, query.join('?')];
}

/** The body, or why it is not taken; undefined where the client left. */
async function takeBody(
  request: IncomingMessage,
  { bodies, tellRefusal }: Service,
): Promise<Buffer | Answer | undefined> {
  const wrongType = typeRefusal(request.headers['content-type']);
  if (wrongType !== undefined) return tellRefusal(wrongType);
  const body = await readBody(request, bodies);
  if (body === 'too large') return TOO_LARGE;
  if (body === 'no room') return tellRefusal(NO_ROOM);
  return body === 'left' ? undefined : body;
}

/** Header and body leave in one write: the XAPS plugin reads no further than the first segment. */
function send(response: ServerResponse, { status, body, headers }: Answer, last: boolean): void {
  response.writeHead(status, {
    ...headers,
    ...(status !== 204 && { 'Content-Length': Buffer.byteLength(body) }),
    ...(last && { Connection: 'close' }),
  });
  response.end(body);
}

/** Connections without a request are cut at once, the others when they have their answer or time is up. */
async function close(
  server: Server,
  ended: Promise<void>,
  connections: Connections,
  closingMs: number,
): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), closingMs);
  connections.close();
  await ended;
  clearTimeout(timer);
}
