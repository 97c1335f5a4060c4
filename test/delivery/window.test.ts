import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTurnstile, createWindow, type Window } from '../../src/delivery/window.ts';

/** A window of numbers whose ends the test decides. */
function setting(initialWidth: number): {
  window: Window<number>;
  started: number[];
  ended: number[];
  /** Ends the oldest that is under way. */
  end: () => Promise<void>;
  setWidth: (width: number) => void;
} {
  let width = initialWidth;
  const started: number[] = [];
  const ended: number[] = [];
  const running: (() => void)[] = [];
  const window = createWindow<number, number>({
    width: () => width,
    start: (item) => {
      started.push(item);
      return new Promise((resolve) => running.push(() => resolve(item)));
    },
    onEnd: (item) => ended.push(item),
  });
  const end = async (): Promise<void> => {
    running.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { window, started, ended, end, setWidth: (value) => (width = value) };
}

test('starts as many as there is room for, and the next when one has ended', async () => {
  const { window, started, ended, end } = setting(2);
  window.put([1, 2, 3, 4]);
  expect([started, window.underWay, window.waiting]).toEqual([[1, 2], 2, 2]);
  await end();
  expect([started, ended, window.underWay, window.waiting]).toEqual([[1, 2, 3], [1], 2, 1]);
});

test('one that has ended is no longer under way when that is told', async () => {
  let underWay: number | undefined;
  const window = createWindow<number, number>({
    width: () => 1,
    start: (item) => Promise.resolve(item),
    onEnd: () => (underWay ??= window.underWay),
  });
  window.put([1, 2]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(underWay).toBe(0);
  expect(window.underWay + window.waiting).toBe(0);
});

test('starts none while the width is 0, and goes on with what is put later', () => {
  const { window, started, setWidth } = setting(0);
  window.put([1, 2]);
  expect([started, window.waiting]).toEqual([[], 2]);
  setWidth(3);
  window.put([3]);
  expect(started).toEqual([1, 2, 3]);
});

test('forgets those that wait, and no other', async () => {
  const { window, started, ended, end } = setting(1);
  window.put([1, 2, 3]);
  window.clear();
  expect(window.waiting).toBe(0);
  await end();
  expect([started, ended, window.underWay]).toEqual([[1], [1], 0]);
});

test('starts each one once, in order, and never more than the width', async () => {
  const steps = fc.array(
    fc.oneof(
      fc.nat(4).map((count) => ({ put: count })),
      fc.constant('end' as const),
    ),
  );
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), steps, async (width, todo) => {
      const { window, started, ended, end } = setting(width);
      let count = 0;
      for (const step of todo) {
        if (step === 'end') await end();
        else window.put(Array.from({ length: step.put }, () => (count += 1)));
        expect(window.underWay).toBe(Math.min(width, count - ended.length));
        expect(window.waiting).toBe(count - ended.length - window.underWay);
      }
      while (window.underWay > 0) await end();
      expect(started).toEqual(Array.from({ length: count }, (_, index) => index + 1));
      expect(ended).toEqual(started);
    }),
  );
});

/** Guests who come to a turnstile, and those who are in so far, by the order of their coming. */
function turnstileSetting(width: number): { come: (guests: number) => void; entered: number[] } {
  const pass = createTurnstile(width);
  const entered: number[] = [];
  let guests = 0;
  const come = (): void => {
    const guest = (guests += 1);
    const later = pass();
    if (later === undefined) entered.push(guest);
    else void later.then(() => entered.push(guest));
  };
  return { entered, come: (count) => Array.from({ length: count }, come) };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('a turnstile', () => {
  test('the first pass at once, the others in the next turns', async () => {
    const { come, entered } = turnstileSetting(2);
    come(5);
    expect(entered).toEqual([1, 2]);
    await nextTurn();
    expect(entered).toEqual([1, 2, 3, 4]);
    await nextTurn();
    expect(entered).toEqual([1, 2, 3, 4, 5]);
  });

  test('who comes later does not overtake who waits', async () => {
    const { come, entered } = turnstileSetting(2);
    come(4);
    await nextTurn();
    come(1);
    expect(entered).toEqual([1, 2, 3, 4]);
    await nextTurn();
    expect(entered).toEqual([1, 2, 3, 4, 5]);
  });

  test('a turn in which nobody came takes nothing from the next', async () => {
    const { come, entered } = turnstileSetting(2);
    come(1);
    await nextTurn();
    await nextTurn();
    come(2);
    expect(entered).toEqual([1, 2, 3]);
  });

  test('everybody gets in once, in order, never more in a turn than its width', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(fc.nat(9)), async (width, arrivals) => {
        const { come, entered } = turnstileSetting(width);
        const guests = arrivals.reduce((sum, count) => sum + count, 0);
        for (let turn = 0; turn <= arrivals.length + guests; turn += 1) {
          const before = entered.length;
          await nextTurn();
          come(arrivals[turn] ?? 0);
          expect(entered.length - before).toBeLessThanOrEqual(width);
        }
        expect(entered).toEqual(Array.from({ length: guests }, (_, n) => n + 1));
      }),
    );
  });
});
