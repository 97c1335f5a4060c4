import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import type { Server } from 'node:net';

/** Frame types of HTTP/2 (RFC 9113, 6). */
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const GOAWAY = 7;

const PREFACE_BYTES = 24;
const HEADER_BYTES = 9;

/** A peer that speaks HTTP/2 frame by frame, and so may break off wherever a test wants it to. */
export interface RawPeer {
  server: Server;
  /** TLS connections so far, also those that TLS itself refused. */
  connections(): number;
  /** Requests so far. */
  requests(): number;
}

export interface RawPeerScript {
  /** Written as soon as TLS is up. */
  greeting?: Buffer;
  onGreeted?: (socket: TLSSocket) => void;
  onRequest?: (socket: TLSSocket, streamId: number) => void;
}

export function rawPeer(tls: TlsOptions, { greeting, onGreeted, onRequest }: RawPeerScript): RawPeer {
  let [connections, requests] = [0, 0];
  const server = createServer({ ...tls, ALPNProtocols: ['h2'] }, (socket) => {
    socket.on('error', () => undefined);
    if (greeting !== undefined) socket.write(greeting);
    onGreeted?.(socket);
    onHeaders(socket, (streamId) => {
      requests += 1;
      onRequest?.(socket, streamId);
    });
  });
  server.on('connection', () => {
    connections += 1;
  });
  return { server, connections: () => connections, requests: () => requests };
}

export function settingsFrame(maxConcurrentStreams?: number): Buffer {
  if (maxConcurrentStreams === undefined) return frame(SETTINGS, 0, Buffer.alloc(0));
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(3, 0);
  payload.writeUInt32BE(maxConcurrentStreams, 2);
  return frame(SETTINGS, 0, payload);
}

export function goAwayFrame(lastStreamId: number, code: number, data = ''): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(lastStreamId, 0);
  payload.writeUInt32BE(code, 4);
  return frame(GOAWAY, 0, Buffer.concat([payload, Buffer.from(data)]));
}

export function resetFrame(streamId: number, code: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code, 0);
  return frame(RST_STREAM, streamId, payload);
}

function frame(type: number, streamId: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

function onHeaders(socket: TLSSocket, tell: (streamId: number) => void): void {
  let unread = Buffer.alloc(0);
  let skipped = false;
  socket.on('data', (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk]);
    if (!skipped && unread.length >= PREFACE_BYTES)
      [unread, skipped] = [unread.subarray(PREFACE_BYTES), true];
    while (skipped && unread.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + unread.readUIntBE(0, 3);
      if (unread.length < end) return;
      if (unread.readUInt8(3) === HEADERS) tell(unread.readUInt32BE(5));
      unread = unread.subarray(end);
    }
  });
}
