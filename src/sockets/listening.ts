import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../process/clock.ts';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import { watchSocket } from './socket-watch.ts';
import { BACKLOG, listening, listenOnSocket, type SocketFile } from './unix-socket.ts';

export interface ListeningOptions {
  /** Called once, when another process listens at the path of ours. */
  onReplaced: (path: string) => void;
  clock: Clock;
  log: Log;
}

export interface Listening {
  /** The path of a Unix socket, the address of another; undefined for a path that nobody tells. */
  at: readonly (string | AddressInfo | undefined)[];
  /**
   * Closes every server, which then accepts no more. Those who wait at a socket of our own are accepted before, since
   * nobody else can; those who wait at one that systemd holds are left to the next process.
   */
  stop(): Promise<Stopped>;
}

export interface Stopped {
  /** Resolves when the last client has gone, whichever socket it came by. */
  ended: Promise<void>;
}

/** Listens at a path, and goes on where its socket is removed. Throws OperatorError, which names the path. */
export async function listenAtPath(
  server: Server,
  path: string,
  mode: number,
  options: ListeningOptions,
): Promise<Listening> {
  const { file, tookOver } = await listenOnSocket(server, path, mode);
  if (tookOver)
    options.log.warn(
      'another process listened on this socket and is to end by itself: it has been taken over',
      {
        path,
        hint: 'where systemd holds it, that process stays: restart the .socket unit once this one has ended',
      },
    );
  const servers: Servers = [server];
  const stopWatch = watchPath({ path, file, mode, mayYield: true }, servers, options);
  return {
    at: [path],
    stop: async () => {
      await stopWatch();
      return acceptAndClose(servers);
    },
  };
}

/** Listens at sockets that systemd holds: to close them gives back no more than our descriptors. Throws OperatorError. */
export async function listenAtHandedOver(
  server: Server,
  fds: readonly number[],
  mode: number,
  options: ListeningOptions,
): Promise<Listening> {
  const servers: Servers = [server];
  const at: (string | AddressInfo | undefined)[] = [];
  const stopWatches: (() => Promise<void>)[] = [];
  for (const [index, fd] of fds.entries()) {
    const path = pathOf(fd);
    const address =
      index === 0 ? await listenOn(server, fd) : await addServer(servers, (one) => listenOn(one, fd));
    at.push(path ?? address);
    const file = path === undefined ? undefined : lstatSync(path, { throwIfNoEntry: false });
    if (path !== undefined && file !== undefined)
      stopWatches.push(watchPath({ path, file, mode, mayYield: false }, servers, options));
  }
  return {
    at,
    stop: async () => {
      await Promise.all(stopWatches.map((stop) => stop()));
      const hasOwn = servers.length > fds.length;
      return hasOwn ? acceptAndClose(servers) : closeAll(servers);
    },
  };
}

async function listenOn(server: Server, fd: number): Promise<AddressInfo | undefined> {
  try {
    await listening(server, () => server.listen({ fd, backlog: BACKLOG }));
    const address = server.address();
    return address === null || typeof address === 'string' ? undefined : address;
  } catch (error) {
    throw new OperatorError(
      `cannot listen on descriptor ${fd}, handed over by systemd: ${messageOf(error)}`,
      {
        exitCode: ExitCode.configuration,
        hint: 'it must be a stream socket: ListenStream= and Accept=no in the .socket unit',
        cause: error,
      },
    );
  }
}

/** The path of a Unix socket, which Node does not tell; undefined for others, and where there is no /proc. */
function pathOf(fd: number): string | undefined {
  try {
    const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
    const lines = readFileSync('/proc/self/net/unix', 'utf8').split('\n'); // proc_pid_net(5)
    const fields = lines.map((line) => line.split(' ').filter((field) => field !== ''));
    return fields.find((each) => each[INODE_FIELD] === inode && each[PATH_FIELD]?.startsWith('/'))?.[
      PATH_FIELD
    ];
  } catch {
    return undefined; // then its path is not watched
  }
}

const [INODE_FIELD, PATH_FIELD] = [6, 7];

/** Those beside the first hand their clients to it. */
type Servers = [first: Server, ...more: Server[]];

/** Adds one where it can be listened on. */
async function addServer<T>(servers: Servers, listen: (server: Server) => Promise<T>): Promise<T> {
  const [first] = servers;
  const one = createServer({ allowHalfOpen: true }, (socket) => first.emit('connection', socket));
  const listened = await listen(one);
  one.on('error', (error) => first.emit('error', error));
  servers.push(one);
  return listened;
}

interface Watched {
  path: string;
  file: SocketFile;
  mode: number;
  mayYield: boolean;
}

/** Gives the function that ends the watch. */
function watchPath(
  { path, file, mode, mayYield }: Watched,
  servers: Servers,
  { onReplaced, clock, log }: ListeningOptions,
): () => Promise<void> {
  const ending = new AbortController();
  const bindAnew = (): Promise<SocketFile> =>
    addServer(servers, async (server) => (await listenOnSocket(server, path, mode)).file);
  const watching = watchSocket({ path, file, mayYield, bindAnew, onReplaced, clock, log }, ending.signal);
  return () => {
    ending.abort();
    return watching;
  };
}

/** Takes those who are connected already, so that no event of theirs is lost, before it closes the servers. */
export async function acceptAndClose(servers: Servers): Promise<Stopped> {
  await acceptAll(servers[0]);
  return closeAll(servers);
}

/** Each turn accepts one. */
async function acceptAll(server: Server): Promise<void> {
  let accepted = 0;
  const count = (): void => void (accepted += 1);
  server.on('connection', count);
  // Clients that come meanwhile are taken too, as many as the backlog could hold at the beginning.
  for (let before = -1; before < accepted && accepted < BACKLOG;) {
    before = accepted;
    await turn();
    await turn(); // the first may come before sockets are looked at
  }
  server.off('connection', count);
}

function closeAll(servers: Servers): Stopped {
  const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
  return { ended: Promise.all(closed).then(() => undefined) };
}
