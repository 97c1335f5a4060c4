import type { ChildProcess } from 'node:child_process';
import { ownFile } from '../installation.ts';
import type { Log } from '../process/log.ts';

/** Starts a deliverer in a session of its own, without our standard output: under notifyd it is that daemon's socket. */
export async function startDeliverer(configFile: string | undefined, log: Log): Promise<void> {
  // Loaded only here: to start processes is a large part of Node, and mostly somebody is there to be woken.
  const { spawn } = await import('node:child_process');
  const config = configFile === undefined ? [] : ['--config', configFile];
  const args = [...process.execArgv, ownFile('dist/main.cjs'), 'deliverer', ...config];
  const failure = await failureOf(() =>
    spawn(process.execPath, args, { detached: true, stdio: 'ignore', cwd: '/' }),
  );
  // The rows are committed all the same: the next handler or flush sends them.
  if (failure !== undefined) log.error('cannot start a deliverer', { reason: failure.message });
}

/** Undefined for a process that has started. Node tells some failures by an event and throws others, such as ENOMEM. */
async function failureOf(start: () => ChildProcess): Promise<Error | undefined> {
  try {
    const child = start();
    child.unref();
    if (child.pid !== undefined) return undefined;
    return await new Promise<Error>((resolve) => child.once('error', resolve));
  } catch (error) {
    return error as Error;
  }
}
