import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Entry, lineOf } from '../../src/history/entry.ts';
import { readHistory, type Selection } from '../../src/history/read.ts';
import { eventEntry } from '../support/history.ts';
import { temporaryFolder } from '../support/store.ts';

const ALL: Selection = { limit: 1000, sinceMs: 0, maxEntries: 1000, wanted: () => true };

/** A history whose files hold entries of these times. */
function historyOf(files: Record<string, readonly number[]>): string {
  const folder = join(temporaryFolder(), 'x.history');
  mkdirSync(folder);
  for (const [name, times] of Object.entries(files))
    writeFileSync(join(folder, name), times.map((atMs) => lineOf(eventEntry({ atMs }))).join(''));
  return folder;
}

function timesOf(folder: string, selection: Partial<Selection> = {}): number[] {
  return readHistory(folder, { ...ALL, ...selection }).map(({ atMs }) => atMs);
}

describe('readHistory', () => {
  const folder = (): string =>
    historyOf({
      'devices.jsonl': [7, 9],
      'devices.6.2.jsonl': [4, 6],
      'devices.2.1.jsonl': [2],
      'others.jsonl': [8],
      'others.5.3.jsonl': [1, 3, 5],
    });

  test('gives both shelves in the order of time', () => {
    expect(timesOf(folder())).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(timesOf(folder(), { shelves: ['others'] })).toEqual([1, 3, 5, 8]);
  });

  test('gives the newest where there are more than are wanted', () => {
    expect(timesOf(folder(), { limit: 3 })).toEqual([7, 8, 9]);
    expect(timesOf(folder(), { limit: 0 })).toEqual([]);
    expect(timesOf(folder(), { maxEntries: 2 })).toEqual([5, 7, 8, 9]);
    expect(timesOf(folder(), { sinceMs: 6 })).toEqual([6, 7, 8, 9]);
    expect(timesOf(folder(), { wanted: ({ atMs }) => atMs % 2 === 0, limit: 2 })).toEqual([6, 8]);
  });

  test('passes over what is no entry, such as half a line', () => {
    const dir = historyOf({});
    writeFileSync(join(dir, 'devices.jsonl'), `${lineOf(eventEntry({ atMs: 1 }))}{"kind":"ev\nnull\n{"half`);
    expect(timesOf(dir)).toEqual([1]);
  });

  test('without a history there is nothing', () => {
    expect(timesOf('/nonexistent')).toEqual([]);
  });

  test('however entries are spread, the newest come, in order', () => {
    const times = fc.array(fc.nat(1000), { maxLength: 20 }).map((list) => list.sort((a, b) => a - b));
    fc.assert(
      fc.property(times, times, fc.integer({ min: 1, max: 30 }), (devices, others, limit) => {
        const dir = historyOf({ 'devices.jsonl': devices, 'others.jsonl': others });
        const all: Entry['atMs'][] = [...devices, ...others].sort((a, b) => a - b);
        expect(timesOf(dir, { limit })).toEqual(all.slice(-limit));
      }),
      { numRuns: 30 },
    );
  });
});
