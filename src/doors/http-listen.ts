import type { AddressInfo, Server } from 'node:net';
import { beyondThisMachine, isLoopback, type Place, placeOf } from './http-address.ts';
import {
  acceptAndClose,
  listenAtHandedOver,
  listenAtPath,
  type Listening,
  type ListeningOptions,
} from '../sockets/listening.ts';
import { listenOnPort, nameOf, type PortPatience } from './http-port.ts';

/** The mail server's user gets in by the group. */
const SOCKET_MODE = 0o660;

export type HttpListeningOptions = ListeningOptions & PortPatience;

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

export function nameOfPlace(place: Listening['at'][number]): string {
  if (place === undefined) return 'a socket of systemd';
  return typeof place === 'string' ? `unix:${place}` : nameOf(place.address, place.port);
}
