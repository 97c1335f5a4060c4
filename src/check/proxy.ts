import { authorityOf, portOf } from '../apns/dial.ts';
import { reachServer, resolveServer } from '../apns/probe.ts';
import { throughProxy } from '../apns/through-proxy.ts';
import type { ProxyConfig } from '../config/config.ts';
import type { Step } from './step.ts';

const PROXY_NAME = 'Proxy: name';
const PROXY_PORT = 'Proxy: port';
const PROXY_CONNECT = 'Proxy: CONNECT';
export const OF_PROXY = [PROXY_NAME, PROXY_PORT, PROXY_CONNECT];

/** To the proxy, and as far as it lets us. */
export function stepsToProxy(proxy: ProxyConfig, server: URL, timeoutMs: number): Step[] {
  const url = new URL(proxy.address);
  const to = proxy.address;
  return [
    {
      point: PROXY_NAME,
      to,
      go: async () => `${url.hostname} is ${(await resolveServer(url, timeoutMs)).join(', ')}`,
      fix: `correct apns.proxy, or see that this host resolves names: getent hosts ${url.hostname}`,
    },
    {
      point: PROXY_PORT,
      to,
      go: async () => `${await reachServer(url, timeoutMs)} answers on port ${portOf(url)}`,
      fix: `correct apns.proxy, or let this host connect to port ${portOf(url)} of ${url.hostname}`,
    },
    {
      point: PROXY_CONNECT,
      to,
      go: async () => {
        (await throughProxy(proxy, server, timeoutMs))?.destroy();
        return `opens a connection to ${authorityOf(server)}`;
      },
      fix: 'correct apns.proxy',
    },
  ];
}
