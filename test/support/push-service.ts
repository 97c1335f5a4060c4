import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** What a push service is asked. */
export interface Asked {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** How it was answered. */
  mood: Mood;
}

/** How it answers: by a status, with headers and a body, or not at all. */
export type Mood = { status: number; headers?: Record<string, string>; body?: string } | 'hang' | 'cut';

export interface PushService {
  url: string;
  port: number;
  asked: Asked[];
  /** Connections that were made to it. */
  connections: number;
  mood: Mood;
  /** Ends the connections that nobody uses. */
  forget(): void;
}

export interface PushServiceOptions {
  tls?: { key: string; cert: string };
  address?: string;
  port?: number;
}

/** A push service of the tests, on the loopback, until the test is over. */
export async function startPushService(options: PushServiceOptions = {}): Promise<PushService> {
  const service = await openPushService(options);
  onTestFinished(() => service.close());
  return service;
}

/** One that the caller closes. */
export async function openPushService({
  tls,
  address = '127.0.0.1',
  port = 0,
}: PushServiceOptions = {}): Promise<PushService & { close: () => void }> {
  const server = (tls === undefined ? createServer() : createSecureServer(tls)) as Server;
  const service: PushService = {
    ...{ url: '', port: 0, asked: [], connections: 0, mood: { status: 201 } },
    forget: () => server.closeIdleConnections(),
  };
  server.on('connection', () => (service.connections += 1));
  server.on('request', (request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      service.asked.push({ method, path, headers, body: Buffer.concat(pieces), mood: service.mood });
      if (service.mood === 'cut') request.socket.destroy();
      else if (service.mood !== 'hang')
        response.writeHead(service.mood.status, service.mood.headers).end(service.mood.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  service.port = (server.address() as AddressInfo).port;
  service.url = `${tls === undefined ? 'http' : 'https'}://${address}:${service.port}/`;
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return Object.assign(service, { close });
}
