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
