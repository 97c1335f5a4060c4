import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTurnstile } from '../../src/delivery/turnstile.ts';

/** Guests who come to a turnstile, and those who are in so far, by the order of their coming. */
function setting(width: number): { come: (guests: number) => void; entered: number[] } {
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

test('the first pass at once, the others in the next turns', async () => {
  const { come, entered } = setting(2);
  come(5);
  expect(entered).toEqual([1, 2]);
  await nextTurn();
  expect(entered).toEqual([1, 2, 3, 4]);
  await nextTurn();
  expect(entered).toEqual([1, 2, 3, 4, 5]);
});

test('who comes later does not overtake who waits', async () => {
  const { come, entered } = setting(2);
  come(4);
  await nextTurn();
  come(1);
  expect(entered).toEqual([1, 2, 3, 4]);
  await nextTurn();
  expect(entered).toEqual([1, 2, 3, 4, 5]);
});

test('a turn in which nobody came takes nothing from the next', async () => {
  const { come, entered } = setting(2);
  come(1);
  await nextTurn();
  await nextTurn();
  come(2);
  expect(entered).toEqual([1, 2, 3]);
});

test('everybody gets in once, in order, never more in a turn than its width', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(fc.nat(9)), async (width, arrivals) => {
      const { come, entered } = setting(width);
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
