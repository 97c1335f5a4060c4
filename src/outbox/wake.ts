import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { Store } from '../db.ts';
import { poke } from '../doors/control.ts';
import type { Log } from '../log.ts';
import { mayStartDeliverer } from './upkeep.ts';

/** A deliverer answers on the control socket within this; before, nobody else starts one. */
const START_TIME_MS = 3000;

/** Sees to it that somebody delivers what was just committed, and does not wait for it. */
export async function ensureDelivery(config: Config, store: Store, clock: Clock, log: Log): Promise<void> {
  if (await poke(config.control)) return;
  if (await mayStartDeliverer(store, clock.nowMs(), START_TIME_MS)) await start(config, log);
}

/** The same where the database cannot be asked who starts one: a deliverer too many finds that out for itself. */
export async function pokeOrStart(config: Config, log: Log): Promise<void> {
  if (!(await poke(config.control))) await start(config, log);
}

/** Loaded only here: to start processes is a large part of Node, and mostly somebody is there to be poked. */
async function start(config: Config, log: Log): Promise<void> {
  const { startDeliverer } = await import('./start.ts');
  startDeliverer(config.file, log);
}
