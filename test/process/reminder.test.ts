import { expect, test } from 'vitest';
import { createReminder } from '../../src/process/reminder.ts';

const TEN_MINUTES_MS = 600_000;

test('the same is due every ten minutes, another at once, and anything after the end', () => {
  const clock = { atMs: 0, steadyMs: () => clock.atMs };
  const reminder = createReminder(clock);
  const dueAt = (atMs: number, reason: string): boolean => {
    clock.atMs = atMs;
    return reminder.isDue(reason);
  };
  expect(dueAt(0, 'one')).toBe(true);
  expect(dueAt(TEN_MINUTES_MS - 1, 'one')).toBe(false);
  expect(dueAt(TEN_MINUTES_MS, 'one')).toBe(true);
  expect(dueAt(TEN_MINUTES_MS, 'two')).toBe(true);
  expect(dueAt(TEN_MINUTES_MS, 'two')).toBe(false);
  reminder.clear();
  expect(dueAt(TEN_MINUTES_MS, 'two')).toBe(true);
});
