import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import type { Store } from '../store/store.ts';
import { ring } from './ring.ts';
import type { Log } from '../process/log.ts';
import { startsInVain } from './in-vain.ts';
import { startDeliverer } from './start.ts';

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

/** False where nobody delivers, or whoever does makes way for us. */
async function wakeDeliverer({ control, edition }: Config): Promise<boolean> {
  const heard = ring(control, edition);
  if (heard !== 'ask the socket') return heard === 'rung';
  const { poke } = await import('./control.ts');
  return poke(control, 'poke', edition);
}

/** Whether a `serve` hears there, also one that cannot write to the database that it runs. */
export async function serveAnswers(control: string): Promise<boolean> {
  const { poke } = await import('./control.ts');
  return poke(control, 'serve?');
}
