import type { Settings, Shift, ShiftMeans } from './shift.ts';
import type { StoreError } from '../store/errors.ts';
import { openWayIn } from './way-in.ts';

/** Takes events into the spool, and tells devices their topic, while the database cannot be opened. */
export function openWaitingShift(
  settings: Settings,
  { metrics, clock }: ShiftMeans,
  trouble: StoreError,
): Shift {
  const refuse = (): never => {
    throw trouble;
  };
  const onWork = (): void => undefined; // what handlers have written, the next one finds
  const wayIn = openWayIn({ ...settings, store: refuse, metrics, clock, onWork });
  return {
    settings,
    store: undefined,
    isInPlace: () => false,
    makeWay: () => () => undefined,
    receive: wayIn.receive,
    takeSpool: () => Promise.resolve(),
    use: wayIn.use,
    onWork,
    subscriptions: () => Promise.reject(trouble),
    state: () => Promise.reject(trouble),
    trouble: () => undefined,
    begin: () => undefined,
    end: async (lastEvent = Promise.resolve()) => {
      await lastEvent;
      await wayIn.settled();
    },
  };
}
