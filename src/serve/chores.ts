import type { Clock } from '../process/clock.ts';
import { watchChanges } from '../config/changes.ts';
import type { Config } from '../config/config.ts';
import type { Store } from '../store/store.ts';
import { ANNOUNCED_FOR_MS, type ClosedDoor } from '../store/presence.ts';
import type { Delivery } from '../delivery/delivery.ts';
import { messageOf } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import { leaseOwner, releaseDeadLeases } from '../delivery/lease.ts';

/** What happens by the clock, and is told. */
interface Timed {
  clock: Clock;
  log: Log;
}

/** What is done until the end. */
export interface Chore extends Timed {
  ending: AbortSignal;
}

/** While it says so every now and then, handlers hold pushes back by `throttle` and `housekeeping_delay`. */
const ANNOUNCE_INTERVAL_MS = ANNOUNCED_FOR_MS / 3;

/** The log is told once a day; this is how often it is looked at. */
const WARNING_INTERVAL_MS = 3_600_000;

/** How often a `serve` looks whether what it works with has changed. */
const LOOK_INTERVAL_MS = 5000;

/**
 * What comes before the first push: what dead processes were sending is given back, and what another configuration may
 * have cured is due. The rest comes by itself too, only later, so trouble is told and nothing more. Never rejects.
 */
export async function prepareDelivery(
  { edition }: Config,
  store: Store,
  { clock, log }: Timed,
): Promise<void> {
  try {
    await releaseDeadLeases(store);
    await store.takeUp(edition, clock.nowMs());
  } catch (error) {
    log.warn('what waited while nobody delivered may wait a little longer', { reason: messageOf(error) });
  }
}

/** How soon a certificate that was put right is used, and one that has expired is no more. */
const CREDENTIAL_INTERVAL_MS = 2000;

/** Looks after the credentials' files, also while there is nothing to send, and calls `onChange`. */
export async function keepLooking(
  delivery: Delivery,
  onChange: () => void,
  { clock, ending }: Chore,
): Promise<void> {
  for (;;) {
    await clock.sleep(CREDENTIAL_INTERVAL_MS, ending);
    if (ending.aborted) return;
    if (delivery.look()) onChange();
  }
}

/** Tells of certificates that end soon. */
export async function keepWarning(delivery: Delivery, { clock, log, ending }: Chore): Promise<void> {
  while (!ending.aborted) {
    await delivery.warnOfExpiry().catch((error: unknown) => {
      log.warn('cannot tell whether a certificate expires soon', { reason: messageOf(error) });
    });
    await clock.sleep(WARNING_INTERVAL_MS, ending);
  }
}

/** What is announced beside that it is there, and who hears of it. */
interface Announcing {
  closed: () => readonly ClosedDoor[];
  onWritten: (trouble?: unknown) => void;
}

/**
 * Handlers hold pushes back only while somebody is there to send them later. Tells, in the log and for `status`, when
 * what it works with is no longer what lies there: only SIGHUP takes that up, and for another program a restart; and for
 * `status` which doors are closed.
 * `onWritten` hears whether the database could be written.
 */
export async function keepAnnouncing(
  config: Config,
  store: Store,
  { closed, onWritten }: Announcing,
  { clock, log, ending }: Chore,
): Promise<void> {
  const sinceMs = clock.nowMs() - Math.round(process.uptime() * 1000);
  const changed = watchChanges(config);
  let told: string | undefined;
  let announced = { atSteadyMs: -Infinity, text: '' };
  while (!ending.aborted) {
    const outdated = await changed();
    const [nowMs, steadyMs] = [clock.nowMs(), clock.steadyMs()];
    if (outdated !== undefined && outdated !== told)
      log.warn(`serve works with an older version of ${outdated} than lies there`, { hint: REFRESH });
    told = outdated;
    const news = { outdated, closed: closed() };
    const text = JSON.stringify(news);
    if (text !== announced.text || steadyMs - announced.atSteadyMs >= ANNOUNCE_INTERVAL_MS) {
      await store.announceServe({ owner: OWNER, sinceMs, nowMs, ...news }).then(() => {
        announced = { atSteadyMs: steadyMs, text };
        onWritten();
      }, onWritten);
    }
    await clock.sleep(LOOK_INTERVAL_MS, ending);
  }
}

/** Says that this process is there no more, and nothing of any other. */
export function takeBackAnnouncement(store: Store, log: Log): Promise<void> {
  return store.withdrawServe(OWNER).catch((error: unknown) => {
    log.warn('the database does not know that serve has ended', { reason: messageOf(error) });
  });
}

/** The name of this process in the database, the same for its whole life, also without a /proc to name it by. */
const OWNER = leaseOwner();

const REFRESH = 'reload serve (SIGHUP), or restart it where the program is older';

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Resolves with the promise, or after that time; leaves no timer that would keep the process alive. */
export async function within(timeoutMs: number, promise: Promise<unknown>, clock: Clock): Promise<void> {
  const settled = new AbortController();
  try {
    await Promise.race([promise, clock.sleep(timeoutMs, settled.signal)]);
  } finally {
    settled.abort();
  }
}
