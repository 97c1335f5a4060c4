import type { Clock } from '../../src/process/clock.ts';

/** A clock that stands still until the test advances it. */
export interface TestClock extends Clock {
  /** Moves the time on and wakes those whose sleep is over. */
  advance(ms: number): void;
  /** Sets the clock ahead, or back: no time passes. */
  jump(ms: number): void;
  /** Resolves when somebody sleeps, with how long that sleep lasts from now. */
  asleep(): Promise<number>;
}

/** A clock on which every sleep is over at once, and its time stands still. */
export function createSleeplessClock(nowMs = 1_700_000_000_000): Clock {
  return {
    nowMs: () => nowMs,
    steadyMs: () => nowMs,
    sleep: () => new Promise((resolve) => setImmediate(resolve)),
  };
}

interface Sleeper {
  /** By the steady clock, as timers have it. */
  untilMs: number;
  wake: () => void;
}

export function createTestClock(startMs = 1_700_000_000_000): TestClock {
  let nowMs = startMs;
  let steadyMs = 0;
  const sleepers = new Set<Sleeper>();
  let watchers: (() => void)[] = [];
  return {
    nowMs: () => nowMs,
    steadyMs: () => steadyMs,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (ms <= 0 || signal?.aborted === true) {
          resolve();
          return;
        }
        const sleeper: Sleeper = {
          untilMs: steadyMs + ms,
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
      steadyMs += ms;
      for (const sleeper of sleepers) if (sleeper.untilMs <= steadyMs) sleeper.wake();
    },
    jump: (ms) => {
      nowMs += ms;
    },
    asleep: async () => {
      while (sleepers.size === 0) await new Promise<void>((resolve) => (watchers = [...watchers, resolve]));
      return Math.min(...[...sleepers].map(({ untilMs }) => untilMs)) - steadyMs;
    },
  };
}
