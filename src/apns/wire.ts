import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import http2wrapper from 'http2-wrapper';
import { bindPlainly } from '../node-20/plain-bind.ts';
import { messageOf } from '../process/errors.ts';
import { portOf } from './dial.ts';
import { refusesCredential } from './outcome.ts';
import { NoAnswer } from './push.ts';
import { createStreamSlots, type StreamSlots } from './stream-slots.ts';

/** The latest GOAWAY: streams above the id were not processed (RFC 9113, 6.8). */
export interface GoAway {
  lastStreamId: number;
  /** Apple's, such as Shutdown; undefined where it gave none. */
  reason: string | undefined;
  message: string;
}

/** An HTTP/2 session over a TLS connection, watched from its first frame on. */
export interface Wire {
  readonly address: string;
  readonly socket: TLSSocket;
  readonly session: ClientHttp2Session;
  readonly slots: StreamSlots;
  goAway: GoAway | undefined;
}

/** How long answers may still come after Apple has refused the credential. */
const REFUSED_GRACE_MS = 1000;

/**
 * Opens a session by http2-wrapper, which keeps an idle one from holding the process; resolves when the peer's SETTINGS
 * are here. One agent a session, without `maxSessions`: at that number it closes sessions as soon as they are idle.
 */
export function openWire(server: URL, socket: TLSSocket, address: string): Promise<Wire> {
  bindPlainly();
  nameAsAsked(socket, server);
  const agent = new http2wrapper.Agent();
  return new Promise((resolve, reject) => {
    // Earlier than what getSession gives: a GOAWAY that comes with the SETTINGS is seen, and no free stream is needed.
    agent.once('session', (session: ClientHttp2Session) => resolve(watched(session, socket, address)));
    agent.getSession(server, { createConnection: once(socket) }).catch(reject);
  });
}

/**
 * http2-wrapper 2.2 finds the origin of the session by the peer's address and port, which are those of a proxy, and looks
 * for it in the server's certificate, where it takes the bracket of an IPv6 address for a name. TLS has compared the name
 * already.
 */
function nameAsAsked(socket: TLSSocket, server: URL): void {
  const { hostname } = server;
  const certificate = { checkHost: () => hostname, checkIP: () => hostname };
  Object.assign(socket, { servername: hostname, getPeerX509Certificate: () => certificate });
  Object.defineProperty(socket, 'remotePort', { value: portOf(server) });
}

/** The agent asks for a second connection where the first one allows no streams yet. */
function once(socket: TLSSocket): () => TLSSocket {
  let isTaken = false;
  return () => {
    if (isTaken) throw new Error('the connection has no free stream, and there is to be one connection');
    isTaken = true;
    return socket;
  };
}

function watched(session: ClientHttp2Session, socket: TLSSocket, address: string): Wire {
  const slots = createStreamSlots(() => capacityOf(session));
  const wire: Wire = { address, socket, session, slots, goAway: undefined };
  session.on('remoteSettings', () => {
    slots.admit();
  });
  session.on('error', () => undefined); // 'close' follows, and each stream tells its own push
  session.on('close', () => {
    slots.refuse(new Error(CLOSED));
  });
  session.on('goaway', (_code: number, lastStreamId: number, data?: Uint8Array) => {
    const reason = reasonIn(data) ?? wire.goAway?.reason; // the last one, at the end, gives none
    wire.goAway = { lastStreamId, reason, message: goAwayMessage(reason) };
    slots.refuse(new Error(wire.goAway.message));
    // A stream below the id would wait for an answer that never comes.
    if (refusesCredential(reason)) setTimeout(() => session.destroy(), REFUSED_GRACE_MS).unref();
  });
  return wire;
}

/** Streams that the peer's SETTINGS allow at once; 0 is possible, and may be raised later. */
export function capacityOf(session: ClientHttp2Session): number {
  return session.remoteSettings.maxConcurrentStreams ?? Infinity;
}

export const CLOSED = 'the connection is closed';

/** Why a push has no answer; `stream` is absent where it got none to be sent on. */
export function noAnswerFor(wire: Wire, error: unknown, stream?: ClientHttp2Stream): NoAnswer {
  const { goAway, address } = wire;
  const unprocessed = stream === undefined || isUnprocessed(stream, goAway);
  const isTold = goAway !== undefined && (unprocessed || refusesCredential(goAway.reason));
  return new NoAnswer(`${address}: ${isTold ? goAway.message : messageOf(error)}`, {
    perhapsProcessed: !unprocessed,
    reason: isTold ? goAway.reason : undefined,
    cause: error,
  });
}

/** RFC 9113, 6.8 and 8.7: the two cases in which a server promises that it did nothing. */
function isUnprocessed(stream: ClientHttp2Stream, goAway: GoAway | undefined): boolean {
  if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) return true;
  return goAway !== undefined && stream.id !== undefined && stream.id > goAway.lastStreamId;
}

/** Apple says why as JSON, `{"reason":"Shutdown"}`. */
function reasonIn(data: Uint8Array | undefined): string | undefined {
  const text = data === undefined ? '' : Buffer.from(data).toString('latin1');
  return /"reason"\s*:\s*"(\w+)"/.exec(text)?.[1];
}

function goAwayMessage(reason: string | undefined): string {
  return `the server is going away${reason === undefined ? '' : ` (${reason})`} and did not take the push`;
}
