/**
 * Gives a function that runs so many at once, the others in their turn. The pool itself would count the time that
 * somebody waits for a connection as time to connect, and take the server for away.
 */
export function createTurns(atOnce: number): <T>(run: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let underWay = 0;
  return async (run) => {
    if (underWay < atOnce) underWay += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await run();
    } finally {
      const next = waiting.shift();
      if (next === undefined) underWay -= 1;
      else next(); // in this one's place
    }
  };
}
