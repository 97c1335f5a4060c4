import { mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { lineOf } from '../../src/history/entry.ts';
import { gather } from '../../src/page/gather.ts';
import type { PageData } from '../../src/page/page.ts';
import { createTestClock } from '../support/clock.ts';
import { eventEntry, pushEntryOf } from '../support/history.ts';
import { NOW_MS, temporaryFolder, testStore } from '../support/store.ts';

/** What the page of that user tells, of an empty store with that history. */
function gathered(others: string, more = '', user = 'alice', devices = ''): Promise<PageData> {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'x.history'));
  writeFileSync(join(folder, 'x.history/others.jsonl'), others);
  writeFileSync(join(folder, 'x.history/devices.jsonl'), devices);
  writeFileSync(join(folder, 'config.yaml'), `store: ${folder}/x.db\nspool: ${folder}/spool\n${more}`);
  testStore(join(folder, 'x.db'));
  return gather(loadConfig(join(folder, 'config.yaml'), {}), createTestClock(NOW_MS), user, 100);
}

test('of a user the newest entries, as many as for the plot, are read, and since when is told', async () => {
  const [hers, others] = ['alice', 'bob'].map((owner, n) =>
    lineOf(
      eventEntry({ atMs: NOW_MS - 60_000 + n, decision: 'nobody', mailboxes: [{ owner, path: 'INBOX' }] }),
    ),
  );
  const read = (count: number): Promise<PageData> =>
    gathered(`${hers}${others!.repeat(count)}`, 'history: { max_entries: 10000000 }\n');
  expect((await read(3)).events).toMatchObject({ entries: [{ atMs: NOW_MS - 60_000 }], sinceMs: undefined });
  expect((await read(100)).events).toMatchObject({ entries: [], sinceMs: NOW_MS - 59_999 });
});

test('the host has the name that it has among those that share the store', async () => {
  const away = 'store: postgresql://127.0.0.1:1/x\nhost: mail1\n';
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'config.yaml'), `${away}state: ${folder}\nspool: ${folder}/spool\n`);
  const page = await gather(loadConfig(join(folder, 'config.yaml'), {}), createTestClock(NOW_MS), '');
  expect(page.host).toBe('mail1');
  expect((await gathered('')).host).toBe(hostname());
});

test('of a history that is kept for less than a day, since when is told, and nothing that is older', async () => {
  const ages = [2, 0.5].map((hours) => pushEntryOf({ atMs: NOW_MS - hours * 3_600_000 }));
  const read = async (more: string): Promise<object> => {
    const { pushes } = await gathered('', more, '', ages.map(lineOf).join(''));
    return 'trouble' in pushes ? pushes : { sinceMs: pushes.sinceMs, pushes: pushes.day.pushes };
  };
  expect(await read('history: { max_age: 1h }\n')).toEqual({ sinceMs: NOW_MS - 3_600_000, pushes: 1 });
  expect(await read('')).toEqual({ sinceMs: undefined, pushes: 2 });
  expect(await read('history: { max_entries: 0 }\n')).toEqual({
    trouble: 'not known: history.max_entries is 0',
  });
});
