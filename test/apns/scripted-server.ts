import { readFileSync } from 'node:fs';
import {
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { isIPv6, type AddressInfo, type Server, type Socket } from 'node:net';
import type { MockApns } from '../support/apns.ts';

/** Listens on a free port of the address while `use` runs, and cuts all connections afterwards. */
export async function listening<T>(
  server: Server,
  use: (url: URL) => Promise<T>,
  address = '127.0.0.1',
): Promise<T> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  try {
    const host = isIPv6(address) ? `[${address}]` : address;
    return await use(new URL(`https://${host}:${(server.address() as AddressInfo).port}`));
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** An HTTP/2 server that does with each complete request what the test says, strict or not. */
export function scriptedServer(
  mock: MockApns,
  maxConcurrentStreams: number,
  onRequest: (stream: ServerHttp2Stream, session: ServerHttp2Session) => void,
): Http2SecureServer {
  const server = createSecureServer({ ...tlsOf(mock), settings: { maxConcurrentStreams } });
  server.on('session', (session) => {
    session.on('error', () => undefined);
    session.on('stream', (stream: ServerHttp2Stream) => {
      stream.on('error', () => undefined);
      stream.resume();
      stream.on('end', () => {
        if (!stream.destroyed) onRequest(stream, session);
      });
    });
  });
  return server;
}

/** The stand-in's server certificate, for servers that are none. */
export function tlsOf(mock: MockApns): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(mock.files.serverCertificate), key: readFileSync(mock.files.serverKey) };
}

const APNS_ID = '8d6d7a0c-9f8e-4b6b-9a5c-0d2f3c1b7a11';

/** Headers of an answer that somebody else gives. */
export const NOT_APPLES: Record<string, string> = {};

/** As Apple does, with an apns-id. */
export function answer(
  stream: ServerHttp2Stream,
  status = 200,
  body = '',
  headers: Record<string, string> = {},
): void {
  stream.respond({ ':status': status, ...(headers !== NOT_APPLES && { 'apns-id': APNS_ID }), ...headers });
  stream.end(body);
}
