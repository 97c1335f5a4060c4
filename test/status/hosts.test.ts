import { expect, test } from 'vitest';
import { jsonOf } from '../../src/status/json.ts';
import { rowsOf } from '../../src/status/screen.ts';
import { verdictOf } from '../../src/status/verdict.ts';
import type { Host } from '../../src/store/shared.ts';
import { healthy, MINUTE_MS, withTargets } from '../support/status.ts';
import { NOW_MS } from '../support/store.ts';

const HOST: Host = {
  ...{ id: 'a1', name: 'mx1', program: '1.2.3', clockAheadMs: 0, endedMs: null },
  ...{ sinceMs: NOW_MS - 10 * MINUTE_MS, seenMs: NOW_MS - 4000, silentMs: 4000 },
};
const SILENT = { ...HOST, name: 'mx2', seenMs: NOW_MS - 5 * MINUTE_MS, silentMs: 5 * MINUTE_MS };
const ENDED = { ...SILENT, name: 'mx3', endedMs: NOW_MS - 3 * MINUTE_MS };
const OFF = { ...HOST, name: 'mx\u202e4', clockAheadMs: -61_000 };

const served = { sinceMs: 0, outdated: [], closed: [] };
const shared = { ...withTargets({ served }), hosts: [HOST, SILENT, ENDED, OFF] };

test('each host has its line: its serve, when it was seen, its version and its clock', () => {
  const rows = rowsOf(shared).filter(({ name }) => name === 'host');
  expect(rows.map(({ tone, text }) => `${tone} ${text}`)).toEqual([
    'plain mx1: running since 2023-11-14T22:03:20Z (10 minutes ago), seen 4 seconds ago, version 1.2.3',
    'attention mx2: not seen since 2023-11-14T22:08:20Z (5 minutes ago), version 1.2.3',
    'plain mx3: ended at 2023-11-14T22:10:20Z (3 minutes ago), version 1.2.3',
    'attention mx\\u202e4: running since 2023-11-14T22:03:20Z (10 minutes ago), seen 4 seconds ago, version 1.2.3; ' +
      'its clock is 61 seconds ahead of that of the database server',
  ]);
});

test('the same for programs, and nothing of hosts where the store is one host’s', () => {
  expect(jsonOf(shared)).toMatchObject({
    hosts: [
      {
        ...{ host: 'mx1', serve: 'running', version: '1.2.3', clockAheadMs: 0 },
        ...{ since: '2023-11-14T22:03:20Z', lastSeen: '2023-11-14T22:13:16Z' },
      },
      { host: 'mx2', serve: 'silent' },
      { host: 'mx3', serve: 'ended' },
      { serve: 'running', clockAheadMs: -61_000 },
    ],
  });
  expect(jsonOf(healthy())).not.toHaveProperty('hosts');
});

test('one that is silent deserves attention, one that has ended as it should does not', () => {
  expect(verdictOf(shared)).toMatchObject({
    state: 'attention',
    text: expect.stringMatching(
      /^works, but serve of mx2 has not been seen for 5 minutes; fix: start/,
    ) as string,
  });
  expect(verdictOf({ ...shared, hosts: [HOST, ENDED] }).state).toBe('works');
});
