import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { processesOf, signal } from './cyrus-processes.ts';

/** The master process of a mail server. */
export interface Daemon {
  /** True once it has ended by itself, for instance because its configuration is wrong. */
  hasExited: () => boolean;
  /** What it wrote to standard error before it closed it. */
  complaints: () => string;
  /** Ends it, its services and what they detached. */
  stop: () => Promise<void>;
}

export interface DaemonOptions {
  /** The program that stays in the foreground, and its arguments. */
  command: readonly string[];
  /** timeout(1) of coreutils. */
  timeout: string;
  /** Its temporary folder, removed where the test run ends without stop(). */
  dir: string;
  /** The whole environment. */
  env: NodeJS.ProcessEnv;
  /** Processes of this user that mention one of these folders are ended as well. */
  uid: number;
  directories: string[];
}

/** No test server outlives this, even if the test run dies without a chance to clean up. */
const LIFETIME_S = 900;
const TERM_GRACE_MS = 3_000;
const KILL_GRACE_MS = 5_000;

/** Starts a server in the foreground of a process group of its own, with exactly the given environment. */
export function startDaemon({ command, timeout, dir, env, uid, directories }: DaemonOptions): Daemon {
  const child = spawn(timeout, ['--kill-after=5', String(LIFETIME_S), ...command], {
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
    stop: async () => {
      await endMaster(child, pgid);
      await endStragglers([dir, ...directories], pgid, uid);
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

/** SIGTERM lets it end its services; SIGKILL to the group ends a service that waits for a hung handler. */
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
