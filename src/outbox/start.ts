import { closeSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { ownFile } from '../installation.ts';
import type { Log } from '../log.ts';

/** Starts a deliverer in a session of its own that holds none of our descriptors: under notifyd 1 is its socket. */
export async function startDeliverer(configFile: string | undefined, log: Log): Promise<void> {
  // Loaded only here: to start processes is a large part of Node, and mostly somebody is there to be woken.
  const { spawn } = await import('node:child_process');
  const config = configFile === undefined ? [] : ['--config', configFile];
  closeLeakedDescriptors();
  const args = [...process.execArgv, ownFile('dist/main.cjs'), 'deliverer', ...config];
  const child = spawn(process.execPath, args, {
    detached: true,
    stdio: 'ignore',
    cwd: '/',
  });
  // The rows are committed all the same: the next handler or flush sends them.
  child.on('error', (error) => log.error('cannot start a deliverer', { reason: error.message }));
  child.unref();
}

/** open(2): the flag as fdinfo of proc(5) shows it, in octal. */
const O_CLOEXEC = 0o2000000;

/** So far, and on to the first one that is not open, Node marks what it inherits (libuv, uv_disable_stdio_inheritance). */
const MARKED = 15;

/**
 * Closes what leaked into us from our parent and would pass on. Node opens its own descriptors close-on-exec and
 * marks those that it inherits with low numbers; the rest are known by the missing mark.
 */
function closeLeakedDescriptors(): void {
  const folder = '/proc/self/fdinfo';
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const descriptor = Number(name);
    if (descriptor > MARKED && passesOn(`${folder}/${name}`)) closeSync(descriptor);
  }
}

function passesOn(fdinfo: string): boolean {
  if (!existsSync(fdinfo)) return false; // that of the listing itself
  const flags = /^flags:\s+(\d+)/m.exec(readFileSync(fdinfo, 'utf8'))?.[1] ?? '';
  return (parseInt(flags, 8) & O_CLOEXEC) === 0;
}
