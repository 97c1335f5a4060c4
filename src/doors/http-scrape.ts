/** Scrapes within this time get the same text; Prometheus asks every fifteen seconds or so. */
const FRESH_MS = 1000;

/** The pause after a computation, as a multiple of its time: scrapes take a tenth of the processor at most. */
const REST_FACTOR = 9;

/** The time of a clock that is never set, in milliseconds. */
const monotonicMs = (): number => performance.now();

/**
 * The same text for all who ask within a second, or within the rest after a long computation: one that is under way is
 * waited for by everybody. A failure is nobody's but theirs who waited for it. `nowMs` never goes back.
 */
export function sharedScrape(compute: () => Promise<string>, nowMs = monotonicMs): () => Promise<string> {
  let current: Promise<string> | undefined;
  let freshUntilMs = -Infinity;
  const begin = async (): Promise<string> => {
    const startMs = nowMs();
    freshUntilMs = Infinity; // while it is under way
    try {
      return await compute();
    } finally {
      freshUntilMs = nowMs() + Math.max(FRESH_MS, REST_FACTOR * (nowMs() - startMs));
    }
  };
  return () => {
    if (current === undefined || nowMs() >= freshUntilMs) {
      current = begin();
      current.catch(() => (current = undefined)); // whoever asked has it too
    }
    return current;
  };
}
