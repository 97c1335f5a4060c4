import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { historyFolder, openHistory } from '../../src/history/history.ts';
import { writeWhatIsDue } from '../../src/process/due-writes.ts';
import { readHistory } from '../../src/history/read.ts';
import { createTestClock } from '../support/clock.ts';
import { eventEntry, pushEntryOf } from '../support/history.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { NOW_MS, temporaryFolder } from '../support/store.ts';

const ALL = { limit: 100, sinceMs: 0, maxEntries: 100, wanted: () => true };

function setting({ store = join(temporaryFolder(), 'x.db'), maxEntries = 100, endsAtOnce = false } = {}) {
  const log = recordedLog();
  const config = { store, history: { maxEntries, maxAgeMs: 1000 } };
  return {
    history: openHistory({ config, clock: createTestClock(NOW_MS), log, endsAtOnce }),
    log,
    folder: historyFolder(store),
  };
}

test.each([
  ['/var/lib/xapplepush/xapplepush.db', '/var/lib/xapplepush/xapplepush.history'],
  ['/var/lib/x.d/mail', '/var/lib/x.d/mail.history'],
  ['/var/lib/x.d/.mail', '/var/lib/x.d/.mail.history'],
  ['/var/lib/mail.2.db', '/var/lib/mail.2.history'],
])('stands beside the store %s', (store, folder) => {
  expect(historyFolder(store)).toBe(folder);
});

test('what is recorded in one turn is written at its end, what concerns a device apart', async () => {
  const { history, folder } = setting();
  history.record(eventEntry({ decision: 'nobody' }));
  history.record(eventEntry());
  history.record(pushEntryOf());
  expect(readHistory(folder, ALL)).toEqual([]);
  await turn();
  const linesIn = (name: string): number => readFileSync(join(folder, name), 'utf8').split('\n').length - 1;
  expect([linesIn('devices.jsonl'), linesIn('others.jsonl')]).toEqual([2, 1]);
  history.record(eventEntry());
  await turn();
  expect(readHistory(folder, ALL)).toHaveLength(4);
});

test('a process that ends in the same turn has written it down, once', async () => {
  const { history, folder } = setting();
  history.record(eventEntry());
  writeWhatIsDue();
  expect(readHistory(folder, ALL)).toHaveLength(1);
  await turn();
  expect(readHistory(folder, ALL)).toHaveLength(1);
});

test('a process that ends at once writes it down then', async () => {
  const { history, folder } = setting({ endsAtOnce: true });
  history.record(eventEntry());
  await turn();
  expect(readHistory(folder, ALL)).toEqual([]);
  writeWhatIsDue();
  expect(readHistory(folder, ALL)).toHaveLength(1);
});

test('none is kept where none is wanted', async () => {
  const { history, folder } = setting({ maxEntries: 0 });
  history.record(eventEntry());
  await turn();
  expect(readHistory(folder, ALL)).toEqual([]);
});

test('a history that cannot be written is told once, and nothing else happens', async () => {
  const { history, log } = setting({ store: '/nonexistent/x.db' });
  for (let count = 0; count < 3; count += 1) {
    history.record(eventEntry());
    await turn();
  }
  expect(log.entries).toEqual([
    expect.objectContaining({ level: 'warn', message: 'the history cannot be written' }),
  ]);
});
