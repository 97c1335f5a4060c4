import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Log } from '../log.ts';
import { reportError } from '../log.ts';
import type { Door } from './door.ts';
import { type Place, placeOf } from './http-address.ts';
import { type Answer, NO_ROOM, text, TOO_LARGE, UNAUTHORIZED } from './http-answer.ts';
import { createGate, type Gate } from './http-authorization.ts';
import { type BodyBudget, createBodyBudget } from './http-body-budget.ts';
import { readBody } from './http-body.ts';
import { type Connections, watchConnections } from './http-connections.ts';
import { createForeignGate, type ForeignGate, typeRefusal } from './http-foreign.ts';
import { listen } from './http-listen.ts';
import { createRefusalLog } from './http-refusals.ts';
import { findRoute, type RouteContext } from './http-routes.ts';
import { sharedScrape } from './http-scrape.ts';
import { oneAtATime } from './http-turns.ts';

export interface HttpDoorOptions extends RouteContext {
  /** `host:port`, `[IPv6 address]:port` or `unix:/path`. */
  listen: string;
  /** `user:password` that clients must give; without it only the loopback and Unix sockets are listened on. */
  authorization?: string | undefined;
  log: Log;
  limits?: Partial<HttpLimits>;
}

export interface HttpDoor extends Door {
  /** Where it listens, in the notation of `listen`; a port 0 has become the real one. */
  address: string;
  /** From now on requests are served by these instead. Throws OperatorError where the address needs a password. */
  change(settings: HttpSettings): void;
}

/** What may change while it listens. */
export type HttpSettings = Pick<HttpDoorOptions, 'authorization' | 'metrics'>;

export interface HttpLimits {
  /** From the start of a request, or of a connection, to the end of the header. */
  headerMs: number;
  /** From the start of a request to the end of its body. */
  requestMs: number;
  /** Without a byte in either direction. */
  silenceMs: number;
  keepAliveMs: number;
  headerBytes: number;
  connections: number;
  /** How long `close` waits for answers. */
  closingMs: number;
}

/** Dovecot's header has 250 bytes and arrives at once; all but `closingMs` is room for slow, not for hostile, clients. */
export const HTTP_LIMITS: Readonly<HttpLimits> = {
  headerMs: 10_000,
  requestMs: 30_000,
  silenceMs: 60_000,
  keepAliveMs: 60_000, // Dovecot's client closes an idle connection itself before that
  headerBytes: 8192,
  connections: 2000,
  closingMs: 5000,
};

/** How often Node looks for requests that take too long, at most; by itself it would be every 30 s. */
const CHECK_INTERVAL_MS = 1000;

/**
 * Listens for HTTP: the routes of Dovecot's XAPS plugin and OX driver, /events, and what monitoring asks.
 * Throws OperatorError where it must not or cannot listen there.
 */
export async function openHttpDoor(options: HttpDoorOptions): Promise<HttpDoor> {
  const limits = { ...HTTP_LIMITS, ...options.limits };
  const place = placeOf(options.listen, options.authorization !== undefined);
  const server = createServer(nodeOptions(limits));
  server.timeout = limits.silenceMs;
  const connections = watchConnections(server, limits.connections);
  const budget = createBodyBudget();
  const make = (changed: HttpDoorOptions): Service => createService(changed, place, connections, budget);
  let service = make(options);
  server.on(
    'request',
    oneAtATime((request, response) => serve(request, response, service)),
  );
  const address = await listen(server, place);
  return {
    address,
    change: ({ authorization, metrics }) => {
      placeOf(options.listen, authorization !== undefined);
      service = make({ ...options, authorization, metrics });
    },
    close: () => close(server, connections, limits.closingMs),
  };
}

function nodeOptions(limits: HttpLimits): Parameters<typeof createServer>[0] {
  return {
    headersTimeout: limits.headerMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    maxHeaderSize: limits.headerBytes,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, limits.headerMs),
  };
}

interface Service extends HttpDoorOptions {
  foreign: ForeignGate;
  gate: Gate;
  budget: BodyBudget;
  connections: Connections;
  tellRefusal: (answer: Answer) => Answer;
}

function createService(
  options: HttpDoorOptions,
  place: Place,
  connections: Connections,
  budget: BodyBudget,
): Service {
  const { authorization, metrics, log } = options;
  return {
    ...options,
    ...(metrics !== undefined && { metrics: sharedScrape(metrics) }),
    foreign: createForeignGate(place, authorization !== undefined),
    gate: createGate(authorization, log),
    budget,
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
  const { method = '', url = '', headers } = request;
  const foreign = service.foreign(headers);
  if (foreign !== undefined) return service.tellRefusal(foreign);
  const route = findRoute(method, url.split('?', 1)[0] ?? '');
  if (!route.open && !service.gate(headers.authorization)) return UNAUTHORIZED;
  if ('answer' in route) return route.answer;
  if (!route.takesBody) return route.handle(Buffer.alloc(0), service);
  const body = await takeBody(request, service);
  if (!Buffer.isBuffer(body)) return body;
  const answer = await route.handle(body, service);
  service.log.debug('answered over HTTP', { method, route: route.name, status: answer.status });
  return answer;
}

/** The body, or why it is not taken; undefined where the client left. */
async function takeBody(
  request: IncomingMessage,
  { budget, tellRefusal }: Service,
): Promise<Buffer | Answer | undefined> {
  const wrongType = typeRefusal(request.headers['content-type']);
  if (wrongType !== undefined) return tellRefusal(wrongType);
  const body = await readBody(request, budget);
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
function close(server: Server, connections: Connections, closingMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), closingMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    connections.close();
  });
}
