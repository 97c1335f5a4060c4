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
  /** How many may be under way now; 0 starts none. */
  width: () => number;
  /** Never rejects. */
  start: (item: Item) => Promise<Result>;
  /** Called when one is no longer under way, before the next one starts. */
  onEnd: (result: Result) => void;
}

/** Keeps so many under way as long as there are some: none waits for the others. */
export function createWindow<Item, Result>(options: WindowOptions<Item, Result>): Window<Item> {
  const { width, start, onEnd } = options;
  const queue: Item[] = [];
  let underWay = 0;
  const run = async (item: Item): Promise<void> => {
    underWay += 1;
    const result = await start(item);
    underWay -= 1;
    onEnd(result);
    fill();
  };
  const fill = (): void => {
    const starting = queue.splice(0, Math.max(0, width() - underWay));
    for (const item of starting) void run(item);
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
