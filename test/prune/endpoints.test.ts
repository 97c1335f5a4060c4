import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { historyFolder } from '../../src/history/history.ts';
import { readHistory } from '../../src/history/read.ts';
import { describePrune, pruneJson } from '../../src/prune/description.ts';
import { prune, type PruneOptions, type PruneReport } from '../../src/prune/prune.ts';
import type { Store } from '../../src/store/store.ts';
import { createSleeplessClock } from '../support/clock.ts';
import { configFor, withEndpoint } from '../support/notices.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { registered, testStore } from '../support/store.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.now();

/** What has run out, what was never proven, and what neither is; each of long ago. */
async function withEndpoints(store: Store): Promise<void> {
  const long = { nowMs: NOW_MS - 300 * DAY_MS };
  const token = { service: 'deltachat', ...long } as const;
  await withEndpoint(store, 1, { ...token, expiresMs: NOW_MS - 2 * DAY_MS, isProven: false });
  await withEndpoint(store, 2, { ...token, expiresMs: NOW_MS - DAY_MS / 2 });
  await withEndpoint(store, 3, { ...long, isProven: false });
  await withEndpoint(store, 4, { nowMs: NOW_MS - DAY_MS, isProven: false });
  await withEndpoint(store, 5, long);
}

async function pruned(store: Store, options: Partial<PruneOptions> = {}): Promise<PruneReport> {
  const { report } = await prune({
    ...{ config: configFor(store.file), clock: createSleeplessClock(NOW_MS), log: recordedLog() },
    ...{ olderThanMs: 10 * DAY_MS, unusedTopics: false, dryRun: false, force: false },
    ...options,
  });
  return report;
}

const left = async (store: Store): Promise<number[]> =>
  (await store.listEndpoints({}, { afterId: 0, limit: 10 })).map(({ id }) => id);

test('endpoints that ran out, and those never proven and silent as long as devices may be, go', async () => {
  const store = testStore();
  await withEndpoints(store);
  const rehearsal = await pruned(store, { dryRun: true });
  expect(describePrune(rehearsal)).toMatch(/^would remove 2 endpoints of other push services /m);
  expect(await left(store)).toEqual([1, 2, 3, 4, 5]);
  const report = await pruned(store);
  expect(await left(store)).toEqual([2, 4, 5]);
  expect(describePrune(report)).toMatch(/^removed 2 endpoints of other push services /m);
  expect(JSON.parse(pruneJson(report))).toMatchObject({ endpoints: { count: 2 } });
  await turn();
  const all = { limit: 9, sinceMs: 0, maxEntries: 100, wanted: () => true };
  expect(readHistory(historyFolder(store.file), all)).toMatchObject([
    { kind: 'endpoint', change: 'pruned', service: 'deltachat' },
    { kind: 'endpoint', change: 'pruned', service: 'webpush' },
  ]);
});

test('none goes while devices are silent, which a clock that is ahead makes of them, but by --force', async () => {
  const store = testStore();
  await registered(store, {}, { nowMs: NOW_MS - 5 * DAY_MS });
  await withEndpoints(store);
  expect((await pruned(store)).endpoints.count).toBe(0);
  expect(await left(store)).toHaveLength(5);
  expect((await pruned(store, { force: true })).endpoints.count).toBe(2);
});

test('a host without endpoints is told nothing of them', async () => {
  const report = await pruned(testStore());
  expect(describePrune(report) + pruneJson(report)).not.toContain('endpoint');
});
