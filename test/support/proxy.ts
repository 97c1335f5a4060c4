import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, isIPv6, type Socket } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { freePort } from './cyrus-port.ts';
import { temporaryFolder } from './store.ts';

export interface ScriptedProxy {
  /** For apns.proxy. */
  address: string;
  /** The heads of all requests so far. */
  requests: string[];
}

/** A proxy that does with the head of each request what the test says; ended with the test. */
export async function scriptedProxy(
  onRequest: (socket: Socket, head: string) => void,
  host = '127.0.0.1',
): Promise<ScriptedProxy> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', (head) => {
      requests.push(head.toString('latin1'));
      onRequest(socket, head.toString('latin1'));
    });
  });
  server.listen(0, host);
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { address: `http://${isIPv6(host) ? `[${host}]` : host}:${port}`, requests };
}

/** Connects to whom the request names, says that with this status, and passes everything on. */
export function relay(
  socket: Socket,
  head: string,
  { status = '200 Connection established', before = '' }: { status?: string; before?: string } = {},
): void {
  const { hostname, port: named } = new URL(`https://${/^CONNECT (\S+) /.exec(head)?.[1]}`);
  const server = connect(Number(named || '443'), hostname.replace(/^\[|\]$/g, ''));
  server.on('error', () => socket.destroy());
  socket.on('close', () => server.destroy());
  server.on('close', () => socket.destroy());
  socket.write(`HTTP/1.1 ${status}\r\n\r\n${before}`);
  socket.pipe(server).pipe(socket);
}

export interface Tinyproxy {
  address: string;
  /** Ends it, with all that goes through it. */
  kill: () => Promise<void>;
  start: () => Promise<void>;
}

/** A tinyproxy of Debian's package, with these lines in its configuration; ended with the test. */
export async function startTinyproxy(lines: readonly string[] = []): Promise<Tinyproxy> {
  const folder = temporaryFolder();
  const port = await freePort();
  const file = join(folder, 'tinyproxy.conf');
  writeFileSync(file, [`Port ${port}`, 'Listen 127.0.0.1', 'LogLevel Warning', ...lines, ''].join('\n'));
  let child: ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  const start = async (): Promise<void> => {
    child = spawn('tinyproxy', ['-d', '-c', file], { stdio: 'ignore' });
    await listensAt(port, child);
  };
  await start();
  onTestFinished(kill);
  return { address: `http://127.0.0.1:${port}`, kill, start };
}

async function listensAt(port: number, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`tinyproxy ended with ${child.exitCode}`);
    const socket = connect(port, '127.0.0.1');
    const isOpen = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'close').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('tinyproxy does not listen');
}
