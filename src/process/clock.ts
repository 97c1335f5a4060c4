/** Time as an argument, so that tests advance it. */
export interface Clock {
  /** The instant, in milliseconds since the epoch. It is set by people and by NTP, ahead and back. */
  nowMs(): number;
  /** Milliseconds since some moment of this process, never set: what a duration within the process is measured by. */
  steadyMs(): number;
  /** Resolves after `ms`, or at once when `signal` aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  steadyMs: () => Number(process.hrtime.bigint() / 1_000_000n), // not `performance`, which takes a millisecond to load
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) {
        resolve();
        return;
      }
      const finish = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      const timer = setTimeout(finish, ms);
      signal?.addEventListener('abort', finish);
    }),
};
