import { appendFileSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '../../src/store/open.ts';
import { eventually, type Sandbox } from './command.ts';
import { createCyrusHost, type CyrusHost } from './cyrus-host.ts';
import type { DeviceRegistration } from './imap.ts';
import { type Served, startServe } from './serve.ts';

/** A host where `serve` runs, as user cyrus, who owns the folder of the store. */
export interface ServingHost extends CyrusHost {
  /** For Cyrus's `notifysocket`. */
  notifySocket: string;
  serve(): Promise<Served>;
  /** Returns when nothing is owed any more. */
  sent(): Promise<void>;
}

const DELIVERY = '{ throttle: 1s, housekeeping_delay: 1s }';

export async function createServingHost(): Promise<ServingHost> {
  const host = await createCyrusHost(DELIVERY);
  const { configFile, dir } = host.sandbox;
  const socket = join(dir, 'cyrus.sock');
  appendFileSync(configFile, `serve: { cyrus_socket: ${socket} }\n`);
  const served: Served[] = [];
  return {
    ...host,
    notifySocket: `dlist:${socket}`,
    serve: async () => {
      const one = await startServe(host.sandbox);
      served.push(one);
      return one;
    },
    sent: () => sent(host.sandbox),
    close: async () => {
      await Promise.all(served.map(({ end }) => end('SIGKILL')));
      await host.close();
    },
  };
}

/** Returns when `serve` has sent all that came before: neither the spool nor the outbox has anything. */
export async function sent(sandbox: Sandbox, timeoutMs?: number): Promise<void> {
  const store = openStore(sandbox.store, { create: false });
  try {
    // In this order: what leaves the spool is in the outbox by then.
    const owed = async (): Promise<number> => spooled(sandbox) + (await store.countRows()).waiting;
    await eventually(owed, (count) => count === 0, timeoutMs);
  } finally {
    store.close();
  }
}

/** How many files wait in the spool, or are being read. */
export function spooled({ spool }: Sandbox): number {
  return ['new', 'cur']
    .map((name) => join(spool, name))
    .filter((folder) => existsSync(folder))
    .reduce((count, folder) => count + readdirSync(folder).length, 0);
}

/** A phone for these mailboxes; `n` makes its account. */
export function phone(deviceToken: string, mailboxes: string[], n = 0): DeviceRegistration {
  const accountId = `0715A26B-CA09-4730-A419-79300000000${n}`;
  return { accountId, deviceToken, subtopic: 'com.apple.mobilemail', mailboxes, version: 2 };
}
