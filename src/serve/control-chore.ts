import { prepareDelivery } from './chores.ts';
import type { Clock } from '../process/clock.ts';
import { differenceOf } from '../config/edition.ts';
import { takeLock } from '../store/lock.ts';
import { type ControlHears, openControlDoor } from '../delivery/control.ts';
import { poke } from '../delivery/poke.ts';
import { messageOf, OperatorError } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import type { Shift } from './shift.ts';

/** How often a `serve` looks whether the lock is free, and then whether its socket is still there. */
const INTERVAL_MS = 1000;

/** While a deliverer makes way: the next one waits for the lock too. */
const MAKING_WAY_INTERVAL_MS = 50;

export interface ControlChore extends ControlHears {
  lockFile: string;
  /** Path of the control socket. */
  control: string;
  /** The one that works now. */
  shift: () => Pick<Shift, 'settings' | 'store' | 'onWork'>;
  clock: Clock;
  log: Log;
  ending: AbortSignal;
}

/**
 * The control socket belongs to one process of a store: another `serve` may have it, or a deliverer, which makes way.
 * Whatever else stands in the way is told once, and tried again until it is gone. Never rejects.
 */
export async function keepControlDoor(chore: ControlChore): Promise<void> {
  const { control, clock, log, ending } = chore;
  let told: string | undefined;
  while (!ending.aborted) {
    let isMakingWay = false;
    try {
      isMakingWay = await holdControlDoor(chore);
      told = undefined;
    } catch (error) {
      const reason = messageOf(error);
      const hint = error instanceof OperatorError ? error.hint : undefined;
      if (reason !== told) log.error(NOT_HEARD, { path: control, reason, hint });
      told = reason;
    }
    await clock.sleep(isMakingWay ? MAKING_WAY_INTERVAL_MS : INTERVAL_MS, ending);
  }
}

const NOT_HEARD =
  'handlers cannot wake serve, which finds their pushes within half a minute; it goes on trying';

/**
 * What `serve` does with a word on a control socket. Somebody has to send what comes with another configuration too, and
 * only a signal gives `serve` that one: the log is told.
 */
export function hearingFor(shift: ControlChore['shift'], log: Log): ControlHears['onWord'] {
  const told = new Set<string>();
  return (word, from) => {
    const { edition } = shift().settings.config;
    if (from !== undefined && from !== edition && !told.has(from)) {
      log.warn(`a handler works with another ${differenceOf(edition, from)} than serve`, { hint: RELOAD });
      told.add(from);
    }
    shift().onWork(word);
    return shift().store !== undefined;
  };
}

const RELOAD = 'serve sends its pushes with its own until it is reloaded (SIGHUP) or restarted';

/**
 * Until the end; returns at once where another process has the lock, and gives whether that one makes way. Returns too
 * where the database is not open: then handlers are better off with a deliverer of their own.
 */
async function holdControlDoor(chore: ControlChore): Promise<boolean> {
  if (chore.shift().store === undefined) return false;
  const lock = takeLock(chore.lockFile);
  if (lock === undefined) return poke(chore.control, 'make way');
  try {
    const { settings, store } = chore.shift();
    if (store !== undefined) await prepareDelivery(settings.config, store, chore);
    while (!chore.ending.aborted) await listenUntilGone(chore);
    return false;
  } finally {
    lock.release();
  }
}

async function listenUntilGone({
  control,
  shift,
  clock,
  log,
  ending,
  ...hears
}: ControlChore): Promise<void> {
  const editionNow = (): string => shift().settings.config.edition;
  const door = await openControlDoor(control, { ...hears, edition: editionNow() }, log);
  shift().onWork('poke'); // what was committed while nobody listened
  try {
    do {
      await clock.sleep(INTERVAL_MS, ending);
      door.takeOn(editionNow());
    } while (!ending.aborted && door.isInPlace());
    if (!ending.aborted)
      log.warn('the control socket or its doorbell was removed and is made again', { path: control });
  } finally {
    await door.close();
  }
}
