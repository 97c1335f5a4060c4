/** Runs a function as one transaction. */
export type Commit = (body: () => void, durable: boolean) => void;

/** Runs a function as a savepoint within a transaction that is open. */
export type Savepoint = (body: () => void) => void;

export interface Batch {
  add: <T>(body: () => T, durable?: boolean) => Promise<T>;
  /** Whether a transaction comes in a moment anyway, of which one more body can be a part. */
  isOpen: () => boolean;
}

interface Waiting {
  durable: boolean;
  run: () => void;
  fail: (error: unknown) => void;
  done: () => void;
}

/**
 * A batch waits for more until so many turns of the event loop brought nothing. A client's event takes two: in one it
 * is accepted, in the next its bytes are read, and each turn accepts one client (libuv, uv__server_io).
 */
const QUIET_TURNS = 2;

/** Never longer than a commit takes on a slow disk, and by far not as long as anybody waits. */
const GATHERING_MS = 5;

/**
 * Runs what is asked for at nearly the same time as one transaction: each waits for the disk.
 * Every body is undone alone where it throws; all fail where the transaction does. One that is to be durable makes all so.
 * `nowMs` is a clock that nobody sets.
 */
export function createBatch(
  commitAs: Commit,
  savepoint: Savepoint,
  nowMs = (): number => performance.now(),
): Batch {
  let waiting: Waiting[] = [];
  const commit = (): void => {
    const bodies = waiting;
    waiting = [];
    try {
      const durable = bodies.some((each) => each.durable);
      commitAs(() => {
        for (const { run } of bodies) run();
      }, durable);
      for (const { done } of bodies) done();
    } catch (error) {
      for (const { fail } of bodies) fail(error);
    }
  };
  return {
    add: (body, durable = true) =>
      new Promise((resolve, reject) => {
        waiting.push({ durable, ...bodyOf(body, savepoint, resolve, reject) });
        if (waiting.length === 1) whenQuiet(() => waiting.length, commit, nowMs);
      }),
    isOpen: () => waiting.length > 0,
  };
}

/** A body's answer is given when the transaction is committed. */
function bodyOf<T>(
  body: () => T,
  savepoint: Savepoint,
  resolve: (value: T) => void,
  fail: (error: unknown) => void,
): Omit<Waiting, 'durable'> {
  let done = (): void => undefined;
  const run = (): void => {
    try {
      savepoint(() => {
        const value = body();
        done = () => resolve(value);
      });
    } catch (error) {
      done = () => fail(error);
    }
  };
  return { run, fail, done: () => done() };
}

/** Calls `then` after turns in which the count did not rise. */
function whenQuiet(count: () => number, then: () => void, nowMs: () => number): void {
  const untilMs = nowMs() + GATHERING_MS;
  let [seen, quiet] = [count(), 0];
  const look = (): void => {
    quiet = count() === seen ? quiet + 1 : 0;
    seen = count();
    if (quiet > QUIET_TURNS || nowMs() >= untilMs) then();
    else setImmediate(look);
  };
  setImmediate(look);
}
