import { usableOf } from './apns/credential-watch.ts';
import { systemClock } from './clock.ts';
import type { Config } from './config/config.ts';
import { type Lock, type Store, takeLock } from './db.ts';
import type { Delivery } from './delivery.ts';
import { type ControlHears, openControlDoor } from './doors/control.ts';
import { messageOf } from './errors.ts';
import type { Log } from './log.ts';
import { warnOfExpiry } from './outbox/expiry.ts';
import { releaseDeadLeases } from './outbox/lease.ts';
import { announceServe } from './outbox/upkeep.ts';

const clock = systemClock;

/** While it says so every now and then, handlers hold pushes back by `throttle` and `housekeeping_delay`. */
const ANNOUNCE_INTERVAL_MS = 20_000;
const ANNOUNCED_FOR_MS = 60_000;

/** The log is told once a day; this is how often it is looked at. */
const WARNING_INTERVAL_MS = 3_600_000;

/** How often a second `serve` looks whether the first one has gone. */
const LOCK_INTERVAL_MS = 1000;

/** How soon a certificate that was put right is used, and one that has expired is no more. */
const CREDENTIAL_INTERVAL_MS = 2000;

/** Looks after the credentials' files, also while there is nothing to send, and calls `onChange`. */
export async function keepLooking(
  delivery: Delivery,
  onChange: () => void,
  ending: AbortSignal,
): Promise<void> {
  for (;;) {
    await clock.sleep(CREDENTIAL_INTERVAL_MS, ending);
    if (ending.aborted) return;
    if (delivery.look()) onChange();
  }
}

/** Tells of certificates that end soon. */
export async function keepWarning(
  config: Config,
  store: Store,
  delivery: Delivery,
  log: Log,
  ending: AbortSignal,
): Promise<void> {
  const server = config.apns.server.origin;
  while (!ending.aborted) {
    await warnOfExpiry(usableOf(delivery.credentials()), { store, server, clock, log }).catch(
      (error: unknown) => {
        log.warn('cannot tell whether a certificate expires soon', { reason: messageOf(error) });
      },
    );
    await clock.sleep(WARNING_INTERVAL_MS, ending);
  }
}

/** Handlers hold pushes back only while somebody is there to send them later. */
export async function keepAnnouncing(store: Store, log: Log, ending: AbortSignal): Promise<void> {
  while (!ending.aborted) {
    await announce(store, log, clock.nowMs() + ANNOUNCED_FOR_MS);
    await clock.sleep(ANNOUNCE_INTERVAL_MS, ending);
  }
}

/** Says that no `serve` is there any more. */
export function takeBackAnnouncement(store: Store, log: Log): Promise<void> {
  return announce(store, log, 0);
}

function announce(store: Store, log: Log, untilMs: number): Promise<void> {
  const sinceMs = clock.nowMs() - Math.round(process.uptime() * 1000);
  return announceServe(store, { sinceMs, untilMs }).catch((error: unknown) => {
    log.warn('the database does not know that serve runs', { reason: messageOf(error) });
  });
}

/** The control socket belongs to one process of a store: a short-lived deliverer or another `serve` may have it. */
export async function keepControlDoor(
  config: Config,
  store: () => Store,
  hears: ControlHears,
  log: Log,
  ending: AbortSignal,
): Promise<void> {
  let trouble = '';
  while (!ending.aborted) {
    const lock = await waitForLock(`${config.store}.deliverer`, ending);
    if (lock === undefined) return;
    try {
      await releaseDeadLeases(store());
      await standAtControl(config.control, hears, log, ending);
      trouble = '';
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== trouble)
        log.error('the control socket cannot be used', { path: config.control, reason });
      trouble = reason;
    } finally {
      lock.release();
    }
    await clock.sleep(LOCK_INTERVAL_MS, ending);
  }
}

/** Until the signal, or until handlers do not find it any more. */
async function standAtControl(
  path: string,
  { onPoke, onYield }: ControlHears,
  log: Log,
  ending: AbortSignal,
): Promise<void> {
  const door = await openControlDoor(path, onPoke, log, onYield);
  try {
    onPoke('poke'); // what was committed while nobody listened
    while (door.isInPlace() && !ending.aborted) await clock.sleep(LOCK_INTERVAL_MS, ending);
    if (!ending.aborted)
      log.warn('the control socket or its doorbell was removed and is made again', { path });
  } finally {
    await door.close();
  }
}

async function waitForLock(file: string, ending: AbortSignal): Promise<Lock | undefined> {
  while (!ending.aborted) {
    const lock = takeLock(file);
    if (lock !== undefined) return lock;
    await clock.sleep(LOCK_INTERVAL_MS, ending);
  }
  return undefined;
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
