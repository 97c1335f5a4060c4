import type { AddressInfo, Server } from 'node:net';
import { ExitCode, messageOf, OperatorError } from '../errors.ts';
import type { Place } from './http-address.ts';
import { listenOnSocket } from './unix-socket.ts';

/** The mail server's user gets in by the group. */
const SOCKET_MODE = 0o660;

/** The kernel's own bound is net.core.somaxconn, 4096 by default. */
const BACKLOG = 4096;

/** Listens; gives the address in the notation of the configuration. Throws OperatorError. */
export async function listen(server: Server, place: Place): Promise<string> {
  if ('path' in place) await listenOnSocket(server, place.path, SOCKET_MODE);
  else await listenOnPort(server, place);
  server.on('error', () => undefined); // a failed accept concerns one client, who tries again
  if ('path' in place) return `unix:${place.path}`;
  return nameOf(place.host, (server.address() as AddressInfo).port);
}

function listenOnPort(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => reject(cannotListen(nameOf(host, port), error));
    server.once('error', fail);
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.off('error', fail);
      resolve();
    });
  });
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
