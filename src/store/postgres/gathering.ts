import { StoreError } from '../errors.ts';

/** So many at once: the statement stays below a megabyte. */
const MOST_TOGETHER = 500;

/** So many statements at once; more would only wait for each other. */
const MOST_UNDER_WAY = 2;

interface Waiting<T, R> {
  item: T;
  resolve: (result: R) => void;
  reject: (error: unknown) => void;
}

/**
 * Gives a function that has `run` do many at once: all that come in one turn of the event loop, and those that come
 * while others are under way. Where they fail together, and not for want of the database, each is run alone.
 */
export function gathered<T, R>(run: (items: readonly T[]) => Promise<readonly R[]>): (item: T) => Promise<R> {
  let waiting: Waiting<T, R>[] = [];
  let underWay = 0;
  const next = (): void => {
    if (waiting.length === 0 || underWay >= MOST_UNDER_WAY) return;
    const some = waiting.slice(0, MOST_TOGETHER);
    waiting = waiting.slice(MOST_TOGETHER);
    underWay += 1;
    void runTogether(some, run).finally(() => {
      underWay -= 1;
      next();
    });
    next();
  };
  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (waiting.length === 1) setImmediate(next);
    });
}

async function runTogether<T, R>(
  some: readonly Waiting<T, R>[],
  run: (items: readonly T[]) => Promise<readonly R[]>,
): Promise<void> {
  try {
    const results = await run(some.map(({ item }) => item));
    for (const [index, { resolve }] of some.entries()) resolve(results[index] as R);
  } catch (error) {
    if (some.length > 1 && !(error instanceof StoreError))
      for (const one of some) await runTogether([one], run);
    else for (const { reject } of some) reject(error);
  }
}
