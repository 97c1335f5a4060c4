import type { Socket } from 'node:net';
import type { ProxyConfig } from '../config/config.ts';

/** A connection to the server through the proxy, whose code is loaded where there is one; undefined where not. */
export async function throughProxy(
  proxy: ProxyConfig | undefined,
  server: URL,
  timeoutMs: number,
): Promise<Socket | undefined> {
  if (proxy === undefined) return undefined;
  const { openTunnel } = await import('./tunnel.ts');
  return openTunnel(proxy, server, timeoutMs);
}

/** Behind the server's address in whatever is told of a connection. */
export function viaText(proxy: ProxyConfig | undefined): string {
  return proxy === undefined ? '' : ` through apns.proxy ${proxy.address}`;
}
