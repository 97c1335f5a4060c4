/** A body that is being read. */
export interface Readable {
  pause(): unknown;
  resume(): unknown;
}

/** Reads large bodies by turns. */
export interface Pace {
  /** A chunk of it has come: it is paused until its turn comes. */
  came(body: Readable): void;
  /** It has ended, or is read no further. */
  ended(body: Readable): void;
}

/**
 * One chunk (64 KiB, Node's buffer for reading) in each turn of the event loop. A turn accepts one client (libuv from
 * 1.45 on), so whoever comes behind a thousand large bodies waits for a thousand turns: each must be short.
 */
export function createPace(nextTurn: (turn: () => void) => void = setImmediate): Pace {
  const waiting = new Set<Readable>();
  let isDue = false;
  const turn = (): void => {
    isDue = false;
    const [next] = waiting;
    if (next === undefined) return;
    waiting.delete(next);
    next.resume();
    askForTurn();
  };
  const askForTurn = (): void => {
    if (!isDue) nextTurn(turn);
    isDue = true;
  };
  return {
    came: (body) => {
      body.pause();
      waiting.add(body);
      askForTurn();
    },
    ended: (body) => void waiting.delete(body),
  };
}
