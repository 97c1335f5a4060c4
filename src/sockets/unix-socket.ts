import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, lstatSync, renameSync, type Stats } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { socketPathProblem } from '../config/socket-path.ts';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';

/**
 * Clients that the kernel lets wait until they are accepted; with more, connect(2) blocks, and with it the delivery.
 * The kernel's own bound is net.core.somaxconn, 4096 by default.
 */
export const BACKLOG = 4096;

/** A socket's file, whatever its path. */
export interface SocketFile {
  dev: number;
  ino: number;
}

export interface Bound {
  file: SocketFile;
  /** Somebody of this user listened at the path until now. */
  tookOver: boolean;
}

/**
 * Listens on a Unix socket, made beside the path and put there in one step (rename(2)): a client finds either this one
 * or the one before, which goes on with those who are connected. What is no socket stays, and so does one on which
 * another user listens. Throws OperatorError, which names the path.
 */
export async function listenOnSocket(server: Server, path: string, mode: number): Promise<Bound> {
  const beside = join(dirname(path), `.${randomBytes(4).toString('hex')}`);
  for (const each of [path, beside]) {
    const problem = socketPathProblem(each);
    if (problem !== undefined)
      throw cannotListen(path, problem, 'choose a shorter path', { exitCode: ExitCode.configuration });
  }
  try {
    const tookOver = await mayReplace(path);
    await bound(server, beside); // the server removes this name when it closes, and no other
    chmodSync(beside, mode); // the umask has no say in who reaches it
    const { dev, ino } = lstatSync(beside);
    renameSync(beside, path);
    return { file: { dev, ino }, tookOver };
  } catch (error) {
    server.close();
    if (error instanceof OperatorError) throw error;
    throw cannotListen(path, messageOf(error), FOLDER_HINT, { cause: error });
  }
}

const FOLDER_HINT =
  'its folder must exist and belong to the user that xapplepush runs as; under systemd, RuntimeDirectory= makes it';

/** Gives whether somebody listens there. */
async function mayReplace(path: string): Promise<boolean> {
  const found = statOf(path);
  if (found === undefined) return false;
  if (!found.isSocket())
    throw cannotListen(path, 'it is something else than a socket', 'remove it, or choose another path');
  if ((await whoIsAt(path)) !== 'somebody') return false;
  if (found.uid !== process.geteuid?.())
    throw cannotListen(path, `user ${found.uid} listens there`, 'stop that process, or choose another path');
  return true;
}

/** What a path leads to, seen by the one who listened there. */
export type PathState = 'ours' | 'nothing' | 'left over' | 'somebody' | 'no socket';

export async function stateOfPath(path: string, { dev, ino }: SocketFile): Promise<PathState> {
  const found = statOf(path);
  if (found === undefined) return 'nothing';
  if (found.dev === dev && found.ino === ino) return 'ours';
  return found.isSocket() ? whoIsAt(path) : 'no socket';
}

/** A folder that cannot be searched is one that has nothing for us. */
function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** ECONNREFUSED is the kernel's word for a socket whose process has gone (unix(7)); all else may be a live one. */
function whoIsAt(path: string): Promise<'somebody' | 'left over' | 'nothing'> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve('somebody');
    });
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ENOENT') resolve('nothing');
      else resolve(code === 'ECONNREFUSED' ? 'left over' : 'somebody');
    });
  });
}

function bound(server: Server, path: string): Promise<void> {
  return listening(server, () => server.listen({ path, backlog: BACKLOG }));
}

/** Resolves when the server listens. */
export async function listening(server: Server, listen: () => void): Promise<void> {
  const listened = once(server, 'listening'); // which leaves no handler behind where it fails
  listen();
  await listened;
}

function cannotListen(
  path: string,
  why: string,
  hint: string,
  { exitCode = ExitCode.tryAgain, cause }: { exitCode?: ExitCode; cause?: unknown } = {},
): OperatorError {
  return new OperatorError(`cannot listen on ${path}: ${why}`, { exitCode, hint, cause });
}
