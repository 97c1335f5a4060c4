import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CyrusInstallation } from './cyrus-installation.ts';
import { liveProcesses, processesOf, signal } from './cyrus-processes.ts';

export interface CyrusMaster {
  /** True once master has ended by itself, for instance because its configuration is wrong. */
  hasExited: () => boolean;
  /** What master wrote to standard error before it closed it. */
  complaints: () => string;
  notifydPid: () => number | undefined;
  /** Ends master, its services, handlers and what they detached. */
  stop: () => Promise<void>;
}

/** No test server outlives this, even if the test run dies without a chance to clean up. */
const LIFETIME_S = 900;
const TERM_GRACE_MS = 3_000;
const KILL_GRACE_MS = 5_000;

/**
 * Starts master in the foreground of a process group of its own, with exactly the given environment. What a
 * handler detached is ended by stop() if a path in `dir` or in `handlerDirectories` gives it away.
 */
export function startMaster(
  dir: string,
  { bin, uid, timeout }: CyrusInstallation,
  env: NodeJS.ProcessEnv,
  handlerDirectories: string[],
): CyrusMaster {
  const args = ['-C', `${dir}/imapd.conf`, '-M', `${dir}/cyrus.conf`, '-p', `${dir}/master.pid`];
  const child = spawn(timeout, ['--kill-after=5', String(LIFETIME_S), `${bin}/master`, ...args], {
    cwd: '/',
    env,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const pgid = child.pid;
  if (pgid === undefined) throw new Error(`cannot start ${timeout}`);
  const complaints = collect(child);
  const abandon = () => {
    abandonServer(dir, pgid);
  };
  process.once('exit', abandon);
  return {
    hasExited: () => hasExited(child),
    complaints,
    notifydPid: () => notifydPid(dir),
    stop: async () => {
      await endMaster(child, pgid);
      await endStragglers([dir, ...handlerDirectories], pgid, uid);
      process.off('exit', abandon);
    },
  };
}

function collect(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return () => text.trim();
}

function hasExited(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** The notifyd that master started; a handler between fork and exec looks the same but is a child of notifyd. */
function notifydPid(dir: string): number | undefined {
  const candidates = liveProcesses().filter(({ command }) =>
    command.endsWith(`/notifyd -C ${dir}/imapd.conf`),
  );
  const pids = new Set(candidates.map(({ pid }) => pid));
  return candidates.find(({ ppid }) => !pids.has(ppid))?.pid;
}

/** SIGTERM lets master end its services; SIGKILL to the group ends a service that waits for a hung handler. */
async function endMaster(child: ChildProcess, pgid: number): Promise<void> {
  if (!hasExited(child)) {
    signal(pgid, 'SIGTERM');
    await Promise.race([once(child, 'exit'), sleep(TERM_GRACE_MS, undefined, { ref: false })]);
  }
  signal(-pgid, 'SIGKILL');
  if (!hasExited(child)) await once(child, 'exit');
}

async function endStragglers(directories: string[], pgid: number, uid: number): Promise<void> {
  const deadline = performance.now() + KILL_GRACE_MS;
  let left = processesOf(directories, pgid, uid);
  while (left.length > 0) {
    if (performance.now() > deadline) {
      throw new Error(
        `still running after SIGKILL: ${left.map(({ pid, command }) => `${pid} ${command}`).join(', ')}`,
      );
    }
    for (const { pid } of left) signal(pid, 'SIGKILL');
    await sleep(10);
    left = processesOf(directories, pgid, uid);
  }
}

/** The last resort of a test run that ends without stop(): synchronous, as a listener of "exit" must be. */
function abandonServer(dir: string, pgid: number): void {
  signal(-pgid, 'SIGKILL');
  rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
}
