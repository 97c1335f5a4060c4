import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { socketPathProblem } from '../config/kinds.ts';
import { ExitCode, messageOf, OperatorError } from '../errors.ts';

/**
 * Clients that the kernel lets wait until they are accepted; with more, connect(2) blocks, and with it the delivery.
 * The kernel's own bound is net.core.somaxconn, 4096 by default.
 */
const BACKLOG = 4096;

/**
 * Listens on a Unix socket. A socket that nobody answers on is a leftover and is replaced; everything else at the
 * path stays. Throws OperatorError, which names the path.
 */
export async function listenOnSocket(server: Server, path: string, mode: number): Promise<void> {
  const problem = socketPathProblem(path);
  if (problem !== undefined) throw cannotListen(path, problem, 'choose a shorter path');
  try {
    await removeLeftover(path);
    await bound(server, path);
    chmodSync(path, mode); // the umask has no say in who reaches it
  } catch (error) {
    server.close();
    if (error instanceof OperatorError) throw error;
    throw cannotListen(path, messageOf(error), FOLDER_HINT, error);
  }
}

const FOLDER_HINT =
  'its folder must exist and belong to the user that xapplepush runs as; under systemd, RuntimeDirectory= makes it';

async function removeLeftover(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket())
    throw cannotListen(path, 'it is something else than a socket', 'remove it, or choose another path');
  const state = await stateOf(path);
  if (state === 'answered')
    throw cannotListen(
      path,
      'somebody listens there',
      'stop the other xapplepush serve, or choose another path',
    );
  if (state === 'left over') rmSync(path, { force: true });
}

/** ECONNREFUSED is the kernel's word for a socket whose process has gone (unix(7)); all else may be a live one. */
function stateOf(path: string): Promise<'answered' | 'left over' | 'gone'> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve('answered');
    });
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ENOENT') resolve('gone');
      else resolve(code === 'ECONNREFUSED' ? 'left over' : 'answered');
    });
  });
}

function bound(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path, backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function cannotListen(path: string, why: string, hint: string, cause?: unknown): OperatorError {
  const exitCode = ExitCode.configuration;
  return new OperatorError(`cannot listen on ${path}: ${why}`, { exitCode, hint, cause });
}
