import type { CyrusInstallation } from './cyrus-installation.ts';
import { liveProcesses } from './cyrus-processes.ts';
import { type Daemon, startDaemon } from './daemon.ts';

export interface CyrusMaster extends Daemon {
  notifydPid: () => number | undefined;
}

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
  const files = ['-C', `${dir}/imapd.conf`, '-M', `${dir}/cyrus.conf`, '-p', `${dir}/master.pid`];
  const command = [`${bin}/master`, ...files];
  const daemon = startDaemon({ command, timeout, dir, env, uid, directories: handlerDirectories });
  return { ...daemon, notifydPid: () => notifydPid(dir) };
}

/** The notifyd that master started; a handler between fork and exec looks the same but is a child of notifyd. */
function notifydPid(dir: string): number | undefined {
  const candidates = liveProcesses().filter(({ command }) =>
    command.endsWith(`/notifyd -C ${dir}/imapd.conf`),
  );
  const pids = new Set(candidates.map(({ pid }) => pid));
  return candidates.find(({ ppid }) => !pids.has(ppid))?.pid;
}
