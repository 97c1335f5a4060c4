import type { CourierOptions } from './courier.ts';
import { tellGivenUp } from './tell.ts';
import { giveUp } from './upkeep.ts';

/** Looking for what is too old means to look at every row, and nothing is lost by a minute. */
const INTERVAL_MS = 60_000;

/** Gives a function that drops what is older than `giveUpMs`, where it has not looked just before. */
export function createGivingUp(options: CourierOptions): () => Promise<void> {
  const { store, clock, giveUpMs, log, onGivenUp } = options;
  let lookedMs = -Infinity;
  return async () => {
    const steadyMs = clock.steadyMs();
    if (steadyMs - lookedMs < INTERVAL_MS) return;
    lookedMs = steadyMs;
    const nowMs = clock.nowMs();
    const dropped = await giveUp(store, nowMs - giveUpMs, nowMs);
    tellGivenUp(log, dropped);
    onGivenUp?.(dropped);
  };
}
