import { type AddressInfo, createServer, type Server } from 'node:net';
import type { Clock } from '../process/clock.ts';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import { beyondThisMachine, isLoopback, type Place, placeOf } from './http-address.ts';
import {
  acceptAndClose,
  listenAtHandedOver,
  listenAtPath,
  type Listening,
  type ListeningOptions,
} from '../sockets/listening.ts';
import { BACKLOG, listening } from '../sockets/unix-socket.ts';

/** The mail server's user gets in by the group. */
const SOCKET_MODE = 0o660;

export interface HttpListeningOptions extends ListeningOptions {
  /** Asks the `serve` that listens at that address to end, for this one takes its place; gives whether it will. */
  askToYield: (address: string) => Promise<boolean>;
}

export interface HttpListening extends Listening {
  /** In the notation of the configuration. */
  address: string;
  /** Of several that systemd holds, the one that most can reach. */
  place: Place;
  /** Throws OperatorError where it may not listen there without a password. */
  allow(hasPassword: boolean): void;
}

/** Listens where the configuration says, or at descriptors of systemd's. Throws OperatorError. */
export async function listen(
  server: Server,
  where: string | readonly number[],
  hasPassword: boolean,
  options: HttpListeningOptions,
): Promise<HttpListening> {
  const opened = await (typeof where === 'string'
    ? listenAsConfigured(server, where, hasPassword, options)
    : listenAsHandedOver(server, where, hasPassword, options));
  server.on('error', () => undefined); // a failed accept concerns one client, who tries again
  return opened;
}

async function listenAsConfigured(
  server: Server,
  where: string,
  hasPassword: boolean,
  options: HttpListeningOptions,
): Promise<HttpListening> {
  const place = placeOf(where, hasPassword);
  const allow = (has: boolean): void => void placeOf(where, has);
  if ('path' in place) {
    const at = await listenAtPath(server, place.path, SOCKET_MODE, options);
    return { ...at, allow, place, address: `unix:${place.path}` };
  }
  await listenOnPort(server, place, options);
  const address = server.address() as AddressInfo;
  return {
    at: [address],
    stop: () => acceptAndClose([server]),
    allow,
    place,
    address: nameOf(place.host, address.port),
  };
}

async function listenAsHandedOver(
  server: Server,
  fds: readonly number[],
  hasPassword: boolean,
  options: HttpListeningOptions,
): Promise<HttpListening> {
  const opened = await listenAtHandedOver(server, fds, SOCKET_MODE, options);
  const beyond = opened.at.find((each) => typeof each === 'object' && !isLoopback(each.address)) as
    AddressInfo | undefined;
  const allow = (has: boolean): void => {
    if (beyond !== undefined && !has) throw beyondThisMachine(nameOf(beyond.address, beyond.port));
  };
  try {
    allow(hasPassword);
  } catch (error) {
    await opened.stop();
    throw error;
  }
  return { ...opened, allow, place: placeAmong(opened.at), address: opened.at.map(nameOfPlace).join(', ') };
}

function placeAmong(at: Listening['at']): Place {
  const port = at.find((each) => typeof each === 'object');
  if (port !== undefined) return { host: port.address, port: port.port };
  return { path: at.find((each) => typeof each === 'string') ?? '' };
}

/** How long the `serve` before may take to free the port, and how often it is tried. */
const YIELDING_TIMEOUT_MS = 15_000;
const YIELDING_INTERVAL_MS = 20;

/** A `serve` that has just taken over from another hears at the control socket within a second. */
const ASKING_TIMEOUT_MS = 3000;
const ASKING_INTERVAL_MS = 200;

/** Two cannot listen on a port: where the one before gives way, it is taken as soon as it is free. */
async function listenOnPort(
  server: Server,
  place: { host: string; port: number },
  { askToYield, clock }: HttpListeningOptions,
): Promise<void> {
  const name = nameOf(place.host, place.port);
  let isYielding = false;
  const startMs = performance.now();
  for (;;) {
    const failure = await failureAt(server, place);
    if (failure === undefined) return;
    isYielding ||= failure.code === 'EADDRINUSE' && (await askToYield(name));
    const timeoutMs = isYielding ? YIELDING_TIMEOUT_MS : ASKING_TIMEOUT_MS;
    if (failure.code !== 'EADDRINUSE' || performance.now() - startMs >= timeoutMs)
      throw cannotListen(name, failure);
    await clock.sleep(YIELDING_INTERVAL_MS);
  }
}

/**
 * Throws OperatorError where a port is neither free nor that of a `serve` which would give way: `ask` asks whoever
 * delivers for that address.
 */
export async function checkPort(
  where: string | readonly number[],
  clock: Clock,
  ask: (address: string) => Promise<boolean>,
): Promise<void> {
  if (typeof where !== 'string') return;
  const place = placeOf(where, true);
  if ('path' in place) return;
  const name = nameOf(place.host, place.port);
  const untilMs = performance.now() + ASKING_TIMEOUT_MS;
  for (;;) {
    const server = createServer();
    const failure = await failureAt(server, place);
    if (failure === undefined) await new Promise((resolve) => server.close(resolve));
    if (failure === undefined || (await ask(name))) return;
    if (failure.code !== 'EADDRINUSE' || performance.now() >= untilMs) throw cannotListen(name, failure);
    await clock.sleep(ASKING_INTERVAL_MS);
  }
}

/** Undefined where the server listens. */
async function failureAt(
  server: Server,
  { host, port }: { host: string; port: number },
): Promise<NodeJS.ErrnoException | undefined> {
  return listening(server, () => server.listen({ host, port, backlog: BACKLOG })).then(
    () => undefined,
    (error: unknown) => error as NodeJS.ErrnoException,
  );
}

export function nameOfPlace(place: Listening['at'][number]): string {
  if (place === undefined) return 'a socket of systemd';
  return typeof place === 'string' ? `unix:${place}` : nameOf(place.address, place.port);
}

function nameOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function cannotListen(name: string, cause: NodeJS.ErrnoException): OperatorError {
  return new OperatorError(`serve.http: cannot listen on ${name}: ${messageOf(cause)}`, {
    exitCode: ExitCode.configuration,
    hint: HINTS.get(cause.code ?? '') ?? 'choose another address for serve.http',
    cause,
  });
}

const HINTS = new Map([
  ['EADDRINUSE', 'stop what listens there, such as another serve or the daemon of the XAPS plugin'],
  ['EACCES', 'choose a port above 1023'],
]);
