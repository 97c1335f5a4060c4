import { describe, expect, test } from 'vitest';
import { inTurns, nextSize, TURN_MS } from '../../src/process/turns.ts';
import { createTestClock } from '../support/clock.ts';

describe('nextSize', () => {
  test.each([
    [100, 0, 200],
    [100, TURN_MS / 2, 100],
    [100, TURN_MS, 100],
    [100, TURN_MS + 1, 50],
    [5000, 0, 5000],
    [15, 1000, 10],
    [10, 1000, 10],
  ])('after %i pieces in %i ms: %i', (size, tookMs, want) => {
    expect(nextSize(size, tookMs)).toBe(want);
  });
});

test('leaves the database to others for as long as each turn took', async () => {
  const clock = createTestClock();
  const turns: number[] = [];
  const ended = inTurns((size) => {
    turns.push(size);
    clock.advance(turns.length === 1 ? 1 : 70);
    return Promise.resolve(turns.length < 3);
  }, clock);
  expect(await clock.asleep()).toBe(TURN_MS);
  clock.advance(TURN_MS);
  expect(await clock.asleep()).toBe(70);
  clock.advance(70);
  await ended;
  expect(turns).toEqual([50, 100, 50]);
});
