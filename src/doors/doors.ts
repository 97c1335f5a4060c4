import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { Log } from '../log.ts';
import { openCyrusDoor } from './cyrus.ts';
import type { Door } from './door.ts';
import { openHttpDoor } from './http.ts';
import type { Receive } from './receive.ts';
import { openSpoolDoor } from './spool.ts';

export interface DoorsOptions {
  config: Config;
  receive: Receive;
  /** Takes every file that waits in the spool. */
  takeSpool: () => Promise<void>;
  ready: () => { ready: boolean; reason?: string };
  /** Prometheus text. */
  metrics: () => Promise<string>;
  clock: Clock;
  log: Log;
}

export interface Doors extends Door {
  /** What is open, for the log. */
  names: string[];
}

/** Opens the doors that the configuration names, all or none. Throws OperatorError where one cannot be opened. */
export async function openDoors(options: DoorsOptions): Promise<Doors> {
  const { config, receive, log } = options;
  const { cyrusSocket, http, metrics } = config.serve;
  const open: [string, Door][] = [];
  const close = async (): Promise<void> => {
    await Promise.all(open.map(([, door]) => door.close()));
  };
  try {
    const { spool } = config;
    open.push([
      `spool ${spool}`,
      openSpoolDoor({ spool, drain: options.takeSpool, clock: options.clock, log }),
    ]);
    if (cyrusSocket !== undefined)
      open.push([`cyrus ${cyrusSocket}`, await openCyrusDoor({ path: cyrusSocket, receive, log })]);
    if (http !== undefined) {
      const { ready } = options;
      const door = await openHttpDoor({
        listen: http,
        receive,
        ready,
        log,
        ...(metrics && { metrics: options.metrics }),
      });
      open.push([`http ${door.address}`, door]);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { close, names: open.map(([name]) => name) };
}
