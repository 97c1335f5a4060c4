import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';

export interface Connections {
  /** From now on each answer is the last on its connection. */
  readonly closing: boolean;
  /** Cuts the connections that wait for no answer; a client that has only just come may say its request first. */
  close(): void;
}

/** A client sends its request as soon as it is connected. */
const FIRST_REQUEST_MS = 1000;

/**
 * Keeps the connections within `max`: a newcomer takes the place of the one that has been without a request for
 * longest, so that idle or slow clients keep nobody out.
 */
export function watchConnections(server: Server, max: number): Connections {
  const pending = new Map<Socket, number>(); // requests without an answer; in the order of last use
  const newcomers = new Set<Socket>();
  let closing = false;
  const cutHandshakes = watchHandshakes(server, max);
  server.on(isTls(server) ? 'secureConnection' : 'connection', (socket: Socket) => {
    if (pending.size >= max) (idlest(pending) ?? socket).destroy();
    pending.set(socket, 0);
    newcomers.add(socket);
    socket.once('close', () => {
      pending.delete(socket);
      newcomers.delete(socket);
    });
  });
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    newcomers.delete(socket);
    count(pending, socket, 1);
    response.once('close', () => {
      count(pending, socket, -1);
      if (closing && pending.get(socket) === 0) socket.destroySoon();
    });
  });
  return {
    get closing() {
      return closing;
    },
    close: () => {
      closing = true;
      cutHandshakes();
      for (const [socket, requests] of pending)
        if (requests === 0 && !newcomers.has(socket)) socket.destroy();
      if (newcomers.size === 0) return;
      const cut = (): void => newcomers.forEach((socket) => socket.destroy());
      setTimeout(cut, FIRST_REQUEST_MS).unref(); // their connections keep the process alive
    },
  };
}

function isTls(server: Server): boolean {
  return server instanceof TlsServer;
}

/** Clients that have not agreed on TLS yet are kept within `max` too. Gives what cuts them. */
function watchHandshakes(server: Server, max: number): () => void {
  const pending = new Map<string, Socket>();
  if (isTls(server)) {
    server.on('connection', (socket: Socket) => {
      const name = nameOf(socket);
      const [oldest] = pending.values();
      if (pending.size >= max) oldest?.destroy();
      pending.set(name, socket);
      socket.once('close', () => {
        if (pending.get(name) === socket) pending.delete(name);
      });
    });
    server.on('secureConnection', (socket: Socket) => pending.delete(nameOf(socket)));
  }
  return () => pending.forEach((socket) => socket.destroy());
}

/** The same before and after they have agreed. */
function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function idlest(pending: ReadonlyMap<Socket, number>): Socket | undefined {
  for (const [socket, requests] of pending) if (requests === 0 && !socket.destroyed) return socket;
  return undefined;
}

function count(pending: Map<Socket, number>, socket: Socket, change: 1 | -1): void {
  const requests = pending.get(socket);
  if (requests === undefined) return; // it has closed already
  pending.delete(socket);
  pending.set(socket, requests + change);
}
