import { constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import http2wrapper from 'http2-wrapper';
import { messageOf } from '../errors.ts';
import { causeOf, dial, secured, type TlsIdentity } from './dial.ts';
import { exchange, requestHeaders } from './exchange.ts';
import { keptAlive, PING_IDLE_MS } from './keep-alive.ts';
import { bindPlainly } from './plain-bind.ts';
import { NoAnswer, type Answer, type Push } from './push.ts';
import { createStreamSlots, type StreamSlots } from './stream-slots.ts';

export interface ApnsConnection {
  /**
   * Resolves with Apple's answer, whatever it says; throws NoAnswer where none came within `timeoutMs`, the wait
   * for a free stream included. Any number may be called at once.
   */
  push(push: Push, timeoutMs: number): Promise<Answer>;
  /** Streams that the peer's SETTINGS allow at once. */
  readonly capacity: number;
  /** False once the connection takes no new push. */
  readonly open: boolean;
  /** Lets pushes under way end for up to a second, then cuts the connection. Never rejects. */
  close(): Promise<void>;
}

/** The last GOAWAY: streams above the id were not processed (RFC 9113, 6.8). */
interface GoAway {
  lastStreamId: number;
  message: string;
}

const CLOSE_GRACE_MS = 1000;

export interface ConnectOptions {
  /** PEM; replaces the system's roots. */
  ca?: string;
  timeoutMs: number;
  /** Without a push for so long, the connection is checked with a PING (RFC 9113, 6.7). */
  pingIdleMs?: number;
}

/**
 * One TLS connection and one HTTP/2 session to Apple, ready for pushes: its SETTINGS have arrived.
 * Throws NoAnswer, which names host, port and cause.
 */
export async function connectApns(
  server: URL,
  credential: TlsIdentity,
  { ca, timeoutMs, pingIdleMs = PING_IDLE_MS }: ConnectOptions,
): Promise<ApnsConnection> {
  const address = `${server.hostname}:${server.port || '443'}`;
  let socket: TLSSocket | undefined;
  const timer = setTimeout(() => socket?.destroy(new Error(`not ready within ${timeoutMs} ms`)), timeoutMs);
  try {
    socket = dial(server, credential, ca);
    // Every failure reaches us by way of the session or `secured`; without a listener Node would end the process.
    socket.on('error', () => undefined);
    await secured(socket);
    const session = await openSession(server, socket);
    return keptAlive(connection(session, socket, address), session, pingIdleMs);
  } catch (error) {
    socket?.destroy();
    const message = `cannot connect to ${address}: ${causeOf(error)}`;
    throw new NoAnswer(message, { perhapsProcessed: false, cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * http2-wrapper resolves when the peer's SETTINGS are here, and keeps an idle session from holding the process. One
 * agent a session, without `maxSessions`: at that number it closes sessions as soon as they are idle.
 */
async function openSession(server: URL, socket: TLSSocket): Promise<ClientHttp2Session> {
  bindPlainly();
  return new http2wrapper.Agent().getSession(server, { createConnection: () => socket });
}

function connection(session: ClientHttp2Session, socket: TLSSocket, address: string): ApnsConnection {
  const capacity = (): number => session.remoteSettings.maxConcurrentStreams ?? Infinity;
  const slots = createStreamSlots(capacity);
  let goAway: GoAway | undefined;
  session.on('remoteSettings', () => {
    slots.admit();
  });
  session.on('error', () => undefined); // 'close' follows, and each stream tells its own push
  session.on('close', () => {
    slots.refuse(new Error('the connection is closed'));
  });
  session.on('goaway', (_code: number, lastStreamId: number, data?: Buffer) => {
    goAway = { lastStreamId, message: goAwayMessage(data) };
    slots.refuse(new Error(goAway.message));
  });
  const noAnswer = (error: unknown, stream?: ClientHttp2Stream): NoAnswer => {
    const unprocessed = stream === undefined || isUnprocessed(stream, goAway);
    const cause = unprocessed && goAway ? goAway.message : messageOf(error);
    return new NoAnswer(`${address}: ${cause}`, { perhapsProcessed: !unprocessed, cause: error });
  };
  return {
    push: (push, timeoutMs) => pushOver(session, slots, noAnswer, push, timeoutMs),
    get capacity() {
      return capacity();
    },
    get open() {
      return !session.closed && !session.destroyed;
    },
    close: () => {
      slots.refuse(new Error('the connection is closed'));
      return closed(session, socket);
    },
  };
}

async function pushOver(
  session: ClientHttp2Session,
  slots: StreamSlots,
  noAnswer: (error: unknown, stream?: ClientHttp2Stream) => NoAnswer,
  push: Push,
  timeoutMs: number,
): Promise<Answer> {
  let leftMs = timeoutMs;
  if (!slots.takeFree()) {
    const untilMs = monotonicMs() + timeoutMs;
    await slots.take(timeoutMs).catch((error: unknown) => {
      throw noAnswer(error);
    });
    leftMs = Math.ceil(untilMs - monotonicMs());
  }
  let stream: ClientHttp2Stream | undefined;
  try {
    stream = session.request(requestHeaders(push));
    return await exchange(stream, push.payload, leftMs);
  } catch (error) {
    throw noAnswer(error, stream);
  } finally {
    slots.free();
  }
}

/** Not `performance`, which takes a millisecond to load. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Apple says why as JSON, `{"reason":"Shutdown"}`. */
function goAwayMessage(data: Buffer | undefined): string {
  const reason = /"reason"\s*:\s*"(\w+)"/.exec(data?.toString('latin1') ?? '')?.[1];
  return `the server is going away${reason === undefined ? '' : ` (${reason})`} and did not take the push`;
}

/** RFC 9113, 6.8 and 8.7: the two cases in which a server promises that it did nothing. */
function isUnprocessed(stream: ClientHttp2Stream, goAway: GoAway | undefined): boolean {
  if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) return true;
  return goAway !== undefined && stream.id !== undefined && stream.id > goAway.lastStreamId;
}

function closed(session: ClientHttp2Session, socket: TLSSocket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) {
      resolve();
      return;
    }
    const timer = setTimeout(() => socket.destroy(), CLOSE_GRACE_MS);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    session.close();
  });
}
