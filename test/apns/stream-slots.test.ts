import { expect, test } from 'vitest';
import { createStreamSlots } from '../../src/apns/stream-slots.ts';

const LONG_MS = 60_000;

/** Lets everything that is settled already reach its listeners. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('no more than the limit enter, the others in the order of their calls', async () => {
  const slots = createStreamSlots(() => 2);
  const entered: number[] = [];
  for (const n of [1, 2, 3, 4]) void slots.take(LONG_MS).then(() => entered.push(n));
  await settled();
  expect(entered).toEqual([1, 2]);
  slots.free();
  await settled();
  expect(entered).toEqual([1, 2, 3]);
  slots.free();
  await settled();
  expect(entered).toEqual([1, 2, 3, 4]);
});

test('a raised limit lets in who fits', async () => {
  let limit = 0;
  const slots = createStreamSlots(() => limit);
  const entered: number[] = [];
  for (const n of [1, 2, 3])
    void slots.take(LONG_MS).then(
      () => entered.push(n),
      () => undefined,
    );
  await settled();
  expect(entered).toEqual([]);
  limit = 2;
  slots.admit();
  await settled();
  expect(entered).toEqual([1, 2]);
  slots.refuse(new Error('end of test'));
});

test('who waits too long is rejected and takes no place', async () => {
  const slots = createStreamSlots(() => 1);
  await slots.take(LONG_MS);
  await expect(slots.take(1)).rejects.toThrow('no free stream within 1 ms');
  slots.free();
  await expect(slots.take(LONG_MS)).resolves.toBeUndefined();
});

test('refuse rejects those who wait and those who come', async () => {
  const slots = createStreamSlots(() => 1);
  await slots.take(LONG_MS);
  const waiting = slots.take(LONG_MS);
  slots.refuse(new Error('closed'));
  await expect(waiting).rejects.toThrow('closed');
  await expect(slots.take(LONG_MS)).rejects.toThrow('closed');
});

test('a free place is taken at once, unless somebody waits or is refused', async () => {
  let limit = 1;
  const slots = createStreamSlots(() => limit);
  expect(slots.takeFree()).toBe(true);
  expect(slots.takeFree()).toBe(false);
  const waiting = slots.take(LONG_MS);
  limit = 2;
  expect(slots.takeFree()).toBe(false);
  slots.admit();
  await waiting;
  slots.free();
  slots.refuse(new Error('closed'));
  expect(slots.takeFree()).toBe(false);
});
