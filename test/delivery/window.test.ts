import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createWindow, type Window } from '../../src/delivery/window.ts';

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
