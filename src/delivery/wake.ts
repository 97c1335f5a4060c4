import type { ChildProcess } from 'node:child_process';
import { ownFile } from '../process/installation.ts';
import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import type { Store } from '../store/store.ts';
import { ring } from './ring.ts';
import type { Log } from '../process/log.ts';
import { startsInVain } from './in-vain.ts';

/** A deliverer answers on the control socket within this; before, nobody else starts one. */
export const START_TIME_MS = 3000;

/** Sees to it that somebody delivers what was just committed, and does not wait for it. */
export async function ensureDelivery(config: Config, store: Store, clock: Clock, log: Log): Promise<void> {
  if (await wakeDeliverer(config)) return;
  if (startsInVain(config, clock.nowMs())) return;
  if (await store.mayStartDeliverer(clock.nowMs(), START_TIME_MS)) await startDeliverer(config.file, log);
}

/** The same where the database cannot be asked who starts one: a deliverer too many finds that out for itself. */
export async function pokeOrStart(config: Config, log: Log): Promise<void> {
  if (!(await wakeDeliverer(config))) await startDeliverer(config.file, log);
}

/** Has a `serve` look at what waits for other push services, which nobody else sends. */
export async function wakeServe(config: Config): Promise<void> {
  await wakeDeliverer(config); // where nobody hears it, the `serve` that starts next looks by itself
}

/** False where nobody delivers, or whoever does makes way for us. */
async function wakeDeliverer({ control, edition }: Config): Promise<boolean> {
  const heard = ring(control, edition);
  if (heard !== 'ask the socket') return heard === 'rung';
  const { poke } = await import('./poke.ts');
  return poke(control, 'poke', edition);
}

/** Who answers on the control socket, even one that cannot write to the database; undefined for nobody. */
export async function whoAnswers(control: string): Promise<'serve' | 'deliverer' | undefined> {
  const { answerOf } = await import('./poke.ts');
  const answer = await answerOf(control, 'serve?');
  if (answer === undefined) return undefined;
  return answer === 'ok' ? 'serve' : 'deliverer';
}

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
