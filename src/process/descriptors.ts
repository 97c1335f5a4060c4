import { closeSync, openSync } from 'node:fs';
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

/** libuv closes what it accepts while no descriptor is free and tells nobody (its uv__emfile_trick), so we look. */
const LOOK_INTERVAL_MS = 1000;

/** The shortage is over when a descriptor was free so often in a row: clients come and go. */
const LOOKS_UNTIL_OVER = 10;

/** What can always be opened while a descriptor is free. */
const NULL_DEVICE = '/dev/null';

export interface DescriptorOptions {
  log: Log;
  clock: Pick<Clock, 'sleep'>;
  /** Opens a file; gives its descriptor. Throws errno errors. */
  open?: (path: string) => number;
  close?: (descriptor: number) => void;
}

/** Tells once when no descriptor is left, and once when it is over. One is kept back, with which the log is written. */
export async function keepDescriptors(options: DescriptorOptions, ending: AbortSignal): Promise<void> {
  const { log, clock } = options;
  let reserve = opened(options);
  const tell = (write: () => void): void => {
    closed(reserve, options);
    write();
    reserve = opened(options);
  };
  let [isTold, freeLooks] = [false, 0];
  while (!ending.aborted) {
    const found = opened(options);
    closed(found, options);
    freeLooks = isExhaustion(found) ? 0 : freeLooks + 1;
    if (isExhaustion(found) && !isTold) {
      tell(() => log.error(USED_UP, { reason: found.message, hint: HINT }));
      isTold = true;
    } else if (isTold && freeLooks >= LOOKS_UNTIL_OVER) {
      tell(() => log.info('files and connections can be opened again'));
      isTold = false;
    }
    await clock.sleep(LOOK_INTERVAL_MS, ending);
  }
  closed(reserve, options);
}

const USED_UP = 'no file and no connection can be opened any more';
const HINT =
  'raise LimitNOFILE= in the unit, or ulimit -n where there is no systemd: xapplepush serve takes 8192';

/** One of the process (EMFILE), or of the whole system (ENFILE): open(2). */
function isExhaustion(found: number | Error): found is Error {
  return found instanceof Error && 'code' in found && (found.code === 'EMFILE' || found.code === 'ENFILE');
}

function opened({ open = (path) => openSync(path, 'r') }: DescriptorOptions): number | Error {
  try {
    return open(NULL_DEVICE);
  } catch (error) {
    return error as Error;
  }
}

function closed(found: number | Error, { close = closeSync }: DescriptorOptions): void {
  if (typeof found === 'number') close(found);
}
