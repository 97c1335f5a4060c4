import type { Clock } from '../clock.ts';
import type { Store } from '../db.ts';
import type { Log } from '../log.ts';
import { mayTell, setRight } from './ahead.ts';

/** A smaller step is the everyday work of whoever keeps the clock right. */
const JUMP_MS = 10_000;

/** What others wrote down under a clock that this process did not see jump is found within this. */
const LOOK_INTERVAL_MS = 10 * 60_000;

/** Time synchronisation, or a person, has set a wrong clock right by then. */
const DISTRUST_MS = 60 * 60_000;

export interface ClockWatch {
  /** Now and then: what a clock that was ahead has put off is due again, and a clock that jumps is told. */
  look(): Promise<void>;
  /** False for an hour of the steady clock after the clock was set ahead: what seems old by it may be new. */
  isTrusted(): boolean;
}

/** Sees the clock jump by what a clock that nobody sets says. */
export function createClockWatch({
  store,
  clock,
  log,
}: {
  store: Store;
  clock: Clock;
  log: Log;
}): ClockWatch {
  let offsetMs = clock.nowMs() - clock.steadyMs();
  let [lookedMs, distrustedUntilMs] = [-Infinity, -Infinity];
  const notice = (): void => {
    const steadyMs = clock.steadyMs();
    const jumpMs = clock.nowMs() - steadyMs - offsetMs;
    if (Math.abs(jumpMs) < JUMP_MS) return;
    offsetMs += jumpMs;
    log.warn(jumpMs > 0 ? FORWARD : BACK, { seconds: Math.round(Math.abs(jumpMs) / 1000) });
    if (jumpMs > 0) distrustedUntilMs = steadyMs + DISTRUST_MS;
    else lookedMs = -Infinity;
  };
  return {
    look: async () => {
      notice();
      if (clock.steadyMs() - lookedMs < LOOK_INTERVAL_MS) return;
      lookedMs = clock.steadyMs();
      await setRight(store, clock.nowMs());
      if (await mayTell(store, clock.nowMs())) log.warn(AHEAD);
    },
    isTrusted: () => {
      notice();
      return clock.steadyMs() >= distrustedUntilMs;
    },
  };
}

const FORWARD = 'the clock was set ahead, or the machine slept: nothing is given up for its age for an hour';
const BACK = 'the clock was set back: what lies in the future counts as now';
const AHEAD =
  'the database has times in the future: the clock was ahead, or is behind now (timedatectl tells); they count as now';
