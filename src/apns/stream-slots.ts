/** Places on a connection, as many as the peer's SETTINGS allow streams at once. */
export interface StreamSlots {
  /** Takes a place where one is free and nobody waits for it; gives whether it did. */
  takeFree(): boolean;
  /** Resolves when a place is free and taken, in the order of the calls; rejects after `timeoutMs` or by `refuse`. */
  take(timeoutMs: number): Promise<void>;
  /** Gives a place back. */
  free(): void;
  /** The limit may have changed: lets those in who fit now. */
  admit(): void;
  /** Rejects all who wait and all who come. */
  refuse(error: Error): void;
}

interface Waiter {
  enter(): void;
  turnAway(error: Error): void;
}

export function createStreamSlots(limit: () => number): StreamSlots {
  const waiting = new Set<Waiter>(); // a Set keeps the order of arrival
  let taken = 0;
  let refusal: Error | undefined;
  const admit = (): void => {
    for (const waiter of waiting) {
      if (taken >= limit()) return;
      taken += 1;
      waiting.delete(waiter);
      waiter.enter();
    }
  };
  return {
    takeFree: () => {
      const isFree = refusal === undefined && waiting.size === 0 && taken < limit();
      if (isFree) taken += 1;
      return isFree;
    },
    take: (timeoutMs) =>
      new Promise((resolve, reject) => {
        if (refusal) {
          reject(refusal);
          return;
        }
        waiting.add(timedWaiter(waiting, timeoutMs, resolve, reject));
        admit();
      }),
    free: () => {
      taken -= 1;
      admit();
    },
    admit,
    refuse: (error) => {
      refusal = error;
      for (const waiter of waiting) waiter.turnAway(error);
      waiting.clear();
    },
  };
}

function timedWaiter(
  waiting: Set<Waiter>,
  timeoutMs: number,
  resolve: () => void,
  reject: (error: Error) => void,
): Waiter {
  const timer = setTimeout(() => {
    waiting.delete(waiter);
    reject(new Error(`no free stream within ${timeoutMs} ms`));
  }, timeoutMs);
  const waiter: Waiter = {
    enter: () => {
      clearTimeout(timer);
      resolve();
    },
    turnAway: (error) => {
      clearTimeout(timer);
      reject(error);
    },
  };
  return waiter;
}
