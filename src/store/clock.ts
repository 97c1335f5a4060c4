import type { Clock } from '../process/clock.ts';
import type { Store } from './store.ts';

/** The clock that all hosts of a store go by: that of its server, as far as it differs from this host's. */
export function clockOf({ clockAheadMs }: Store, clock: Clock): Clock {
  if (clockAheadMs === undefined) return clock;
  return { ...clock, nowMs: () => clock.nowMs() + clockAheadMs() };
}
