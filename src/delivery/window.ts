/** What is under way at once, and what waits for its turn. */
export interface Window<Item> {
  /** Starts as many as there is room for; the others start when one of them has ended. */
  put(items: readonly Item[]): void;
  readonly underWay: number;
  readonly waiting: number;
  /** Forgets those that have not started. */
  clear(): void;
}

export interface WindowOptions<Item, Result> {
  /** How many may be under way now; 0 starts none. Those that wait for a turn of the event loop are under way. */
  width: () => number;
  /** Never rejects. */
  start: (item: Item) => Promise<Result>;
  /** Called when one is no longer under way, before the next one starts. */
  onEnd: (result: Result) => void;
}

/** Streams started in one turn of the event loop. Node sends them at its end, so with more of them the server would idle. */
const STARTS_A_TURN = 100;

/** Keeps so many under way as long as there are some: none waits for the others. */
export function createWindow<Item, Result>(options: WindowOptions<Item, Result>): Window<Item> {
  const { width, start, onEnd } = options;
  const queue: Item[] = [];
  const pass = createTurnstile(STARTS_A_TURN);
  let underWay = 0;
  const run = async (item: Item): Promise<void> => {
    underWay += 1;
    const turn = pass();
    if (turn !== undefined) await turn;
    const result = await start(item);
    underWay -= 1;
    onEnd(result);
    fill();
  };
  const fill = (): void => {
    const starting = Math.min(width() - underWay, queue.length);
    for (let n = 0; n < starting; n += 1) void run(queue.shift() as Item);
  };
  return {
    put: (items) => {
      queue.push(...items);
      fill();
    },
    get underWay() {
      return underWay;
    },
    get waiting() {
      return queue.length;
    },
    clear: () => {
      queue.length = 0;
    },
  };
}

/** Undefined for whoever may pass now; a promise for whoever must wait for a later turn. */
export type Pass = () => Promise<void> | undefined;

/** Lets so many through in each turn of the event loop, in the order in which they come. */
export function createTurnstile(width: number): Pass {
  const waiting: (() => void)[] = [];
  let passed = 0;
  const beginTurn = (): void => {
    const admitted = waiting.splice(0, width);
    passed = admitted.length;
    if (passed > 0) setImmediate(beginTurn);
    for (const enter of admitted) enter();
  };
  return () => {
    if (passed === width) return new Promise((resolve) => waiting.push(resolve));
    if (passed === 0) setImmediate(beginTurn);
    passed += 1;
    return undefined;
  };
}
