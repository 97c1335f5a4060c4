import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Availability } from './needs.ts';

/** A network with a loopback of its own and nothing else, as the kernel gives a container. */
export interface Network {
  /** Goes before a command that is to run in it. */
  prefix: readonly string[];
  /** A Node that runs in it; its file is made in that folder. */
  nodeIn(dir: string): string;
  /** Lets what is in it reach what listens on that port of our loopback, on the same port of its own. */
  letOut(port: number): Promise<void>;
  /** Lets us reach what listens on that port of its loopback, on the same port of ours. */
  letIn(port: number): Promise<void>;
  close(): Promise<void>;
}

export function networkAvailability(): Availability {
  try {
    execFileSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'pipe' });
    return { available: true };
  } catch {
    const install = 'apt-get install -y --no-install-recommends iproute2 && npm test';
    return { available: false, why: 'this user may not make a network, or there is no ip', install };
  }
}

/** Lives as long as its relay does, which ends with us, whatever happens. */
export async function createNetwork(): Promise<Network> {
  const relay = spawn('unshare', ['--net', 'sh', '-c', IN_NETWORK, process.execPath, RELAY], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await once(relay, 'message');
  const prefix = ['nsenter', `--net=/proc/${relay.pid}/ns/net`];
  const outward: Server[] = [];
  return {
    prefix,
    nodeIn: (dir) => script(join(dir, 'node-in-network'), [...prefix, process.execPath]),
    letOut: async (port) => {
      relay.send({ port });
      const [, server] = (await once(relay, 'message')) as [unknown, Server];
      outward.push(server.on('connection', (socket) => lead(socket, port)));
    },
    letIn: (port) => letIn(relay, port),
    close: async () => {
      for (const server of outward) server.close();
      relay.disconnect();
      await once(relay, 'exit');
    },
  };
}

/** A socket that listens belongs to the network in which it was made, whichever process accepts its connections. */
async function letIn(relay: ChildProcess, port: number): Promise<void> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  const taken = once(relay, 'message');
  relay.send({ port }, server);
  await taken;
  server.close();
}

function lead(from: Socket, port: number): void {
  const to = connect({ host: '127.0.0.1', port });
  from.pipe(to).pipe(from);
  for (const each of [from, to]) each.on('error', () => [from, to].forEach((one) => one.destroy()));
}

function script(file: string, command: readonly string[]): string {
  writeFileSync(file, `#!/bin/sh\nexec ${command.join(' ')} "$@"\n`);
  chmodSync(file, 0o755);
  return file;
}

const IN_NETWORK = 'ip link set lo up && exec "$0" --input-type=module --eval "$1"';

const RELAY = `
  import { connect, createServer } from 'node:net';
  const lead = (from, port) => {
    const to = connect({ host: '127.0.0.1', port });
    from.pipe(to).pipe(from);
    for (const each of [from, to]) each.on('error', () => [from, to].forEach((one) => one.destroy()));
  };
  process.on('message', ({ port }, theirs) => {
    if (theirs !== undefined) {
      theirs.on('connection', (socket) => lead(socket, port));
      process.send('taken');
      return;
    }
    const ours = createServer().listen(port, '127.0.0.1', () => process.send('made', ours, () => ours.close()));
  });
  process.on('disconnect', () => process.exit());
  process.send('ready');`;
