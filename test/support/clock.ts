import type { Clock } from '../../src/clock.ts';

/** A clock that stands still until the test advances it. */
export interface TestClock extends Clock {
  /** Moves the time on and wakes those whose sleep is over. May be negative: clocks are set back. */
  advance(ms: number): void;
  /** Resolves when somebody sleeps, with how long that sleep lasts from now. */
  asleep(): Promise<number>;
}

/** A clock on which every sleep is over at once, and its time stands still. */
export function createSleeplessClock(nowMs = 1_700_000_000_000): Clock {
  return { nowMs: () => nowMs, sleep: () => new Promise((resolve) => setImmediate(resolve)) };
}

interface Sleeper {
  untilMs: number;
  wake: () => void;
}

export function createTestClock(startMs = 1_700_000_000_000): TestClock {
  let nowMs = startMs;
  const sleepers = new Set<Sleeper>();
  let watchers: (() => void)[] = [];
  return {
    nowMs: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (ms <= 0 || signal?.aborted === true) {
          resolve();
          return;
        }
        const sleeper: Sleeper = {
          untilMs: nowMs + ms,
          wake: () => {
            sleepers.delete(sleeper);
            signal?.removeEventListener('abort', sleeper.wake);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', sleeper.wake);
        for (const tell of watchers.splice(0)) tell();
      }),
    advance: (ms) => {
      nowMs += ms;
      for (const sleeper of sleepers) if (sleeper.untilMs <= nowMs) sleeper.wake();
    },
    asleep: async () => {
      while (sleepers.size === 0) await new Promise<void>((resolve) => (watchers = [...watchers, resolve]));
      return Math.min(...[...sleepers].map(({ untilMs }) => untilMs)) - nowMs;
    },
  };
}
