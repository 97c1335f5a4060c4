import type { ClientHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ProxyConfig } from '../config/config.ts';
import { systemClock } from '../process/clock.ts';
import { authorityOf, causeOf, dial, secured, type TlsIdentity } from './dial.ts';
import { exchange, requestHeaders } from './exchange.ts';
import { keptAlive, PING_IDLE_MS } from './keep-alive.ts';
import { NoAnswer, type Answer, type Push } from './push.ts';
import { throughProxy, viaText } from './through-proxy.ts';
import { capacityOf, CLOSED, noAnswerFor, openWire, type Wire } from './wire.ts';

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

const CLOSE_GRACE_MS = 1000;

export interface ConnectOptions {
  /** PEM; replaces the system's roots. */
  ca?: string;
  proxy?: ProxyConfig | undefined;
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
  { ca, proxy, timeoutMs, pingIdleMs = PING_IDLE_MS }: ConnectOptions,
): Promise<ApnsConnection> {
  const address = authorityOf(server) + viaText(proxy);
  const untilMs = systemClock.steadyMs() + timeoutMs;
  let timer: NodeJS.Timeout | undefined;
  let through: Socket | undefined;
  let socket: TLSSocket | undefined;
  let wire: Wire | undefined;
  try {
    through = await throughProxy(proxy, server, timeoutMs);
    socket = dial(server, credential, { ca, through });
    const late = new Error(`not ready within ${timeoutMs} ms`);
    timer = setTimeout(() => socket?.destroy(late), untilMs - systemClock.steadyMs());
    // Every failure reaches us by way of the session or `secured`; without a listener Node would end the process.
    socket.on('error', () => undefined);
    await secured(socket);
    wire = await openWire(server, socket, address);
    if (wire.goAway !== undefined) throw new Error(wire.goAway.message);
    return keptAlive(connectionOver(wire), wire.session, pingIdleMs);
  } catch (error) {
    (socket ?? through)?.destroy();
    throw new NoAnswer(`cannot connect to ${address}: ${causeOf(error)}`, {
      perhapsProcessed: false,
      reason: wire?.goAway?.reason,
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}

function connectionOver(wire: Wire): ApnsConnection {
  const { session, slots } = wire;
  return {
    push: (push, timeoutMs) => pushOver(wire, push, timeoutMs),
    get capacity() {
      return capacityOf(session);
    },
    get open() {
      return wire.goAway === undefined && !session.closed && !session.destroyed;
    },
    close: () => {
      slots.refuse(new Error(CLOSED));
      return closed(wire);
    },
  };
}

async function pushOver(wire: Wire, push: Push, timeoutMs: number): Promise<Answer> {
  const { slots, session } = wire;
  let leftMs = timeoutMs;
  if (!slots.takeFree()) {
    const untilMs = systemClock.steadyMs() + timeoutMs;
    await slots.take(timeoutMs).catch((error: unknown) => {
      throw noAnswerFor(wire, error);
    });
    leftMs = untilMs - systemClock.steadyMs();
  }
  let stream: ClientHttp2Stream | undefined;
  try {
    stream = session.request(requestHeaders(push));
    return await exchange(stream, push.payload, leftMs);
  } catch (error) {
    throw noAnswerFor(wire, error, stream);
  } finally {
    slots.free();
  }
}

function closed({ session, socket }: Wire): Promise<void> {
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
