import { randomUUID } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { connect, isIP } from 'node:net';
import type { ProxyConfig } from '../config/config.ts';
import { causeOf, dial, hostOf, portOf, secured, type TlsIdentity } from './dial.ts';
import type { Push } from './push.ts';
import { throughProxy } from './through-proxy.ts';

/** A token of the right form that no device has. */
export const ZERO_TOKEN = '0'.repeat(64);

/**
 * The push that proves credential and topic without a device: Apple checks both before the token, so that
 * BadDeviceToken means that it accepts them.
 */
export function zeroTokenPush(topic: string): Push {
  const payload = JSON.stringify({ aps: {} });
  return { apnsId: randomUUID(), deviceToken: ZERO_TOKEN, topic, payload, expirationS: 0 };
}

/** The addresses of the server. Each step towards it throws an Error that says what is wrong. */
export async function resolveServer(server: URL, timeoutMs: number): Promise<string[]> {
  const host = hostOf(server);
  if (isIP(host) !== 0) return [host];
  const addresses = await within(timeoutMs, lookup(host, { all: true }), () => undefined);
  return addresses.map(({ address }) => address);
}

/** Whether somebody listens there: a TCP connection, closed at once. Gives the address that answered. */
export function reachServer(server: URL, timeoutMs: number): Promise<string> {
  const socket = connect({ host: hostOf(server), port: portOf(server) });
  const connected = new Promise<string>((resolve, reject) => {
    socket.once('connect', () => resolve(socket.remoteAddress ?? server.hostname));
    socket.once('error', reject);
  });
  return within(timeoutMs, connected, () => socket.destroy());
}

/** Whether TLS comes up, with a server that we trust and that speaks HTTP/2. Gives the version of TLS. */
export async function secureServer(
  server: URL,
  identity: TlsIdentity,
  { ca, proxy, timeoutMs }: { ca?: string; proxy?: ProxyConfig | undefined; timeoutMs: number },
): Promise<string> {
  const through = await throughProxy(proxy, server, timeoutMs);
  const socket = dial(server, identity, { ca, through });
  socket.on('error', () => undefined); // `secured` tells of the first; a later one changes nothing
  const version = secured(socket).then(() => socket.getProtocol() ?? 'TLS');
  return within(timeoutMs, version, () => socket.destroy());
}

/** The promise, or an Error when the time is up; cleans up in any case. */
async function within<T>(timeoutMs: number, promise: Promise<T>, cleanUp: () => unknown): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } catch (error) {
    throw new Error(causeOf(error), { cause: error });
  } finally {
    clearTimeout(timer);
    cleanUp();
  }
}
