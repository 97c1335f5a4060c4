import { inTurns } from '../process/turns.ts';
import type { CourierOptions } from './courier.ts';
import { tellGivenUp, tellManyGivenUp } from './tell.ts';

/** Nothing is lost by a minute. */
const INTERVAL_MS = 60_000;

/** So many are named one by one each time; of a larger backlog the rest is a number. */
export const MAX_NAMED = 100;

/**
 * Gives a function that drops what is older than `giveUpMs`, where it has not looked just before: in short turns,
 * until nothing is left or `isOver` says so.
 */
export function createGivingUp(options: CourierOptions): (isOver: () => boolean) => Promise<void> {
  const { clock, log } = options;
  let lookedMs = -Infinity;
  return async (isOver) => {
    const steadyMs = clock.steadyMs();
    if (steadyMs - lookedMs < INTERVAL_MS) return;
    lookedMs = steadyMs;
    const { count, isCutShort } = await giveUpAll(options, clock.nowMs(), isOver);
    if (isCutShort) lookedMs = -Infinity;
    if (count > MAX_NAMED) tellManyGivenUp(log, count);
  };
}

async function giveUpAll(
  { store, clock, giveUpMs, log, onGivenUp }: CourierOptions,
  nowMs: number,
  isOver: () => boolean,
): Promise<{ count: number; isCutShort: boolean }> {
  let count = 0;
  let isCutShort = false;
  await inTurns(async (limit) => {
    const dropped = await store.giveUp({ eventBeforeMs: nowMs - giveUpMs, nowMs, limit });
    const named = dropped.slice(0, Math.max(0, MAX_NAMED - count));
    count += dropped.length;
    tellGivenUp(log, named);
    if (dropped.length > 0) onGivenUp?.(dropped, named);
    const isMore = dropped.length === limit;
    isCutShort = isMore && isOver();
    return isMore && !isCutShort;
  }, clock);
  return { count, isCutShort };
}
