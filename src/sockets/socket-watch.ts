import type { Clock } from '../process/clock.ts';
import { messageOf } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import { type PathState, type SocketFile, stateOfPath } from './unix-socket.ts';

export interface SocketWatchOptions {
  path: string;
  /** What the path led to when it was listened on. */
  file: SocketFile;
  /** False for a socket of systemd's, which stays ours to accept on wherever its path leads. */
  mayYield: boolean;
  /** Listens at the path with another socket. */
  bindAnew: () => Promise<SocketFile>;
  /** Called once, when another process listens there. */
  onReplaced: (path: string) => void;
  clock: Clock;
  log: Log;
}

/** How often it is looked where the path leads: a look is one lstat(2). */
const LOOK_INTERVAL_MS = 1000;

/** A newcomer that finds its configuration wrong has gone by then, and nobody ends in its favour. */
const LOOKS_BEFORE_YIELDING = 2;

/** Where a socket may be put without taking anything from anybody. */
const FREE: ReadonlySet<PathState> = new Set(['nothing', 'left over']);

/** Sees to it that clients who look for a socket find one, until the signal. Never rejects. */
export async function watchSocket(options: SocketWatchOptions, ending: AbortSignal): Promise<void> {
  let { file } = options;
  let [before, looks]: [PathState, number] = ['ours', 0];
  for (;;) {
    await options.clock.sleep(LOOK_INTERVAL_MS, ending);
    if (ending.aborted) return;
    const state = await look(options.path, file);
    looks = state === before ? looks + 1 : 1;
    before = state;
    if (FREE.has(state)) file = await bindAnew(options, file, looks);
    else if (state === 'no socket') tellOnce(options, looks, 'it is something else than a socket');
    else if (state === 'somebody' && !options.mayYield)
      tellOnce(options, looks, 'another process listens there');
    else if (state === 'somebody' && looks >= LOOKS_BEFORE_YIELDING) {
      options.onReplaced(options.path);
      return;
    }
  }
}

async function look(path: string, file: SocketFile): Promise<PathState> {
  try {
    return await stateOfPath(path, file);
  } catch {
    return 'nothing'; // a part of the path is no folder any more
  }
}

async function bindAnew(
  { path, mayYield, bindAnew: bind, log }: SocketWatchOptions,
  file: SocketFile,
  looks: number,
): Promise<SocketFile> {
  try {
    const anew = await bind();
    const hint = mayYield
      ? undefined
      : 'it is our own and ends with us: restart the .socket unit, which makes its own';
    log.warn('a socket was removed and is there again', { path, hint });
    return anew;
  } catch (error) {
    if (looks === 1)
      log.error('a socket was removed and cannot be made again', { path, reason: messageOf(error) });
    return file;
  }
}

function tellOnce({ path, mayYield, log }: SocketWatchOptions, looks: number, reason: string): void {
  if (looks > 1) return;
  const hint = mayYield
    ? 'remove it: the socket is then made anew'
    : 'restart the .socket unit, or end that process';
  log.error('clients do not find this socket any more', { path, reason, hint });
}
