import { isLost } from './errors.ts';

/** After a failure to connect nobody waits for another one for so long. */
const AWAY_MS = 1000;

/** Whether the server can be connected to. */
export interface Reach {
  /** Connects, unless that has failed a moment ago; `hasIdle` says that there is a connection already. Throws Away. */
  unlessAway: <T>(connect: () => Promise<T>, hasIdle: () => boolean) => Promise<T>;
}

/** Nobody can connect now, or could a moment ago; the cause says why. */
export class Away extends Error {}

/** Remembers for a moment that nobody could connect: whoever waited for the database then would wait in vain. */
export function createReach(steadyMs: () => number = () => performance.now()): Reach {
  let away: { untilMs: number; error: Away; isLost: boolean } | undefined;
  return {
    unlessAway: async (connect, hasIdle) => {
      // Where the way is lost, those that are there are too, and do not know it yet.
      if (away !== undefined && steadyMs() < away.untilMs && (away.isLost || !hasIdle())) throw away.error;
      try {
        const connected = await connect();
        away = undefined;
        return connected;
      } catch (cause) {
        const error = new Away('the server is away', { cause });
        away = { untilMs: steadyMs() + AWAY_MS, error, isLost: isLost(cause) };
        throw error;
      }
    },
  };
}
