import type { Clock } from '../process/clock.ts';
import { inTurns, Pace } from '../process/turns.ts';
import type { Store } from '../store/store.ts';

type Rows = Pick<Store, 'setRight'>;

/** Rows that are looked at first: about a millisecond's work. No index finds those that are meant. */
export const FIRST_ROWS = 2500;

/** Makes due what a clock that was ahead has put off, all of it, in short turns. */
export function setAllRight(store: Rows, clock: Clock): Promise<void> {
  return inTurns(settingRight(store, clock.nowMs()), clock, FIRST_ROWS);
}

/**
 * The same for whoever has something else to do. Each call is a short turn, where it is time for one, and gives how long
 * the database is then left to others; undefined: nothing is left.
 */
export function createSettingRight(store: Rows, clock: Clock): () => Promise<number | undefined> {
  const pace = new Pace(clock, FIRST_ROWS);
  const next = settingRight(store, clock.nowMs());
  let isDone = false;
  return async () => {
    if (!isDone && pace.restMs === 0) isDone = !(await pace.turn(next));
    return isDone ? undefined : pace.restMs;
  };
}

/** Gives a function that looks at the next so many rows, and gives whether there may be more. */
function settingRight(store: Rows, nowMs: number): (limit: number) => Promise<boolean> {
  let afterTargetId = 0;
  return async (limit) => {
    const { last } = await store.setRight({ nowMs, afterTargetId, limit });
    afterTargetId = last ?? afterTargetId;
    return last !== undefined;
  };
}
