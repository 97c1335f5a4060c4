import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Entry, lineOf } from '../../src/history/entry.ts';
import { keptHistory } from '../../src/history/kept.ts';
import { ratesOf } from '../../src/status/rates.ts';
import { pushEntryOf, targetEntryOf } from '../support/history.ts';
import { NOW_MS, temporaryFolder } from '../support/store.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const BOUNDS = { maxAgeMs: 7 * 24 * HOUR_MS, maxEntries: 100_000 };
const NONE = { delivered: 0, failed: 0, medianDelayMs: undefined };

/** Those of a history with these entries, the oldest first. */
function ratesWith(entries: readonly Entry[], bounds: Partial<typeof BOUNDS> = {}): Promise<unknown> {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'x.history'));
  writeFileSync(join(folder, 'x.history/devices.jsonl'), entries.map(lineOf).join(''));
  return ratesFrom(folder, { ...BOUNDS, ...bounds });
}

function ratesFrom(folder: string, history = BOUNDS): ReturnType<typeof ratesOf> {
  return ratesOf(keptHistory({ store: join(folder, 'x.db') }, {}), { history }, NOW_MS);
}

test('the last hour and the last day are told apart, and what is older or is yet to come counts for neither', async () => {
  const at = (ageMs: number, tookMs: number): Entry => pushEntryOf({ atMs: NOW_MS - ageMs, tookMs });
  expect(
    await ratesWith([
      at(25 * HOUR_MS, 9),
      at(23 * HOUR_MS, 5000),
      pushEntryOf({ atMs: NOW_MS - 2 * HOUR_MS, outcome: 'retry', reason: 'Shutdown', then: 'waits' }),
      targetEntryOf({ atMs: NOW_MS - 90 * MINUTE_MS }),
      ...[at(50 * MINUTE_MS, 300), at(40 * MINUTE_MS, 100), at(MINUTE_MS, 200)],
      pushEntryOf({ atMs: NOW_MS - 1, outcome: 'gone', reason: 'Unregistered', then: 'target removed' }),
      at(-MINUTE_MS, 9), // the clock was ahead
    ]),
  ).toEqual({
    hour: { delivered: 3, failed: 1, medianDelayMs: 200 },
    day: { delivered: 4, failed: 2, medianDelayMs: 200 },
    sinceMs: undefined,
  });
});

test('there are none without a history', async () => {
  expect(await ratesFrom(temporaryFolder())).toEqual({ hour: NONE, day: NONE, sinceMs: undefined });
});

test('of a long history the newest ten thousand entries are read, and since when is told', async () => {
  const entries = Array.from({ length: 10_050 }, (_, n) => pushEntryOf({ atMs: NOW_MS - 10_050 + n }));
  expect(await ratesWith(entries)).toMatchObject({ day: { delivered: 10_000 }, sinceMs: NOW_MS - 10_000 });
});

test('of a history that is kept short, since when it goes is told', async () => {
  const entries = [3, 2, 1].map((n) => pushEntryOf({ atMs: NOW_MS - n }));
  expect(await ratesWith(entries, { maxEntries: 2 })).toMatchObject({
    day: { delivered: 2 },
    sinceMs: NOW_MS - 2,
  });
});

test('they are not known where no history is kept, or it cannot be read', async () => {
  expect(await ratesWith([], { maxEntries: 0 })).toEqual({ trouble: 'not known: history.max_entries is 0' });
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'x.history'), '');
  expect(await ratesFrom(folder)).toEqual({
    trouble: expect.stringMatching(/^not known: ENOTDIR/) as string,
  });
});
