import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Entry, lineOf } from '../../src/history/entry.ts';
import { followHistory } from '../../src/history/follow.ts';
import { append } from '../../src/history/shelf.ts';
import { systemClock } from '../../src/process/clock.ts';
import { eventually } from '../support/command.ts';
import { eventEntry } from '../support/history.ts';
import { temporaryFolder } from '../support/store.ts';

const BOUNDS = { maxEntries: 1e6, maxAgeMs: 1e12 };

function following(folder: string): Entry[] {
  const seen: Entry[] = [];
  const ending = new AbortController();
  const end = followHistory({
    ...{ folder, clock: systemClock, signal: ending.signal },
    onEntry: (entry) => seen.push(entry),
  });
  onTestFinished(async () => {
    ending.abort();
    await end;
  });
  return seen;
}

test('tells what is written from now on, by whomever, across full files and a folder that is not there yet', async () => {
  const folder = join(temporaryFolder(), 'x.history');
  const seen = following(folder);
  const event = 'MessageNew'.padEnd(2000, ' ');
  for (let atMs = 1; atMs <= 2000; atMs += 1) {
    append(folder, atMs % 2 ? 'devices' : 'others', lineOf(eventEntry({ atMs, event })), BOUNDS, atMs);
    if (atMs % 500 === 0)
      await eventually(
        () => seen.length,
        (count) => count === atMs,
      );
  }
  expect(new Set(seen.map(({ atMs }) => atMs)).size).toBe(2000);
});

test('does not tell what was there before', async () => {
  const folder = join(temporaryFolder(), 'x.history');
  const write = (atMs: number): void => append(folder, 'devices', lineOf(eventEntry({ atMs })), BOUNDS, atMs);
  write(1);
  const seen = following(folder);
  write(2);
  await eventually(
    () => seen.length,
    (count) => count > 0,
  );
  expect(seen.map(({ atMs }) => atMs)).toEqual([2]);
});
