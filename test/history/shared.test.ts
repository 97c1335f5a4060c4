import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Entry, isAbout } from '../../src/history/entry.ts';
import { keptHistory, type KeptHistory } from '../../src/history/kept.ts';
import { sendHistory, type Sending } from '../../src/history/sending.ts';
import { append, type Shelf } from '../../src/history/shelf.ts';
import { systemClock } from '../../src/process/clock.ts';
import { lineOf } from '../../src/history/entry.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import type { SharedVerbs } from '../../src/store/shared.ts';
import type { Store } from '../../src/store/store.ts';
import { eventually } from '../support/command.ts';
import { ENTRIES, eventEntry, pushEntryOf } from '../support/history.ts';
import { describeWith } from '../support/needs.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';
import { postgresAvailability } from '../support/postgres-installation.ts';
import { NOW_MS, temporaryFolder } from '../support/store.ts';

const BOUNDS = { maxEntries: 100, maxAgeMs: 7 * 86_400_000 };
const ALL = { limit: 100, sinceMs: 0, maxEntries: 100, wanted: () => true };

describeWith('PostgreSQL', postgresAvailability(), 'a history that hosts share', () => {
  let postgres: Postgres;
  let store: Store;
  let verbs: SharedVerbs;
  let history: KeptHistory;
  beforeAll(async () => {
    postgres = await startPostgres();
    store = openPostgres({ url: await postgres.database() }, { create: true });
    verbs = store.shared!;
    history = keptHistory({ store: '/nonexistent/x.db' }, store);
  });
  beforeEach(async () => {
    await verbs.discardHistory({ beforeMs: 0, maxEntries: 0, dryRun: false });
  });
  afterAll(async () => {
    store.close();
    await postgres.stop();
  });

  const hostWith = (host: string, entries: readonly Entry[], shelf: Shelf = 'devices'): Sending => {
    const folder = join(temporaryFolder(), 'x.history');
    append(folder, shelf, entries.map(lineOf).join(''), BOUNDS, NOW_MS);
    return { folder, host, bounds: BOUNDS };
  };
  /** Set aside, and brought. */
  const brought = async (sending: Sending): Promise<void> => {
    await sendHistory(verbs, sending, NOW_MS);
    await sendHistory(verbs, sending, NOW_MS + 1);
  };
  const at = (ms: number, changes: Partial<ReturnType<typeof pushEntryOf>> = {}): Entry =>
    pushEntryOf({ atMs: NOW_MS + ms, ...changes });
  const timesIn = async (selection = {}): Promise<string[]> =>
    (await history.read({ ...ALL, ...selection })).map(({ atMs, host }) => `${host} ${atMs - NOW_MS}`);

  test('tells what happened on each host in one order, each entry with its host and as it was', async () => {
    await brought(hostWith('mx1', ENTRIES));
    await brought(hostWith('mx2', [at(100)]));
    await brought(hostWith('mx2', [eventEntry({ atMs: NOW_MS + 250, decision: 'nobody' })], 'others'));
    expect(await timesIn()).toEqual(['mx1 -1000', 'mx1 0', 'mx2 100', 'mx2 250', 'mx1 300', 'mx1 400']);
    expect(await timesIn({ shelves: ['devices'], limit: 2 })).toEqual(['mx1 300', 'mx1 400']);
    expect(await timesIn({ sinceMs: NOW_MS + 250 })).toEqual(['mx2 250', 'mx1 300', 'mx1 400']);
    expect(await timesIn({ maxEntries: 1 })).toEqual(['mx2 250', 'mx1 400']);
    expect(await timesIn({ wanted: ({ kind }: Entry) => kind === 'target' })).toEqual(['mx1 -1000']);
    const entries = (await history.read(ALL)).filter(({ host }) => host === 'mx1');
    expect(entries).toEqual(ENTRIES.map((entry) => ({ ...entry, host: 'mx1' })));
  });

  test('keeps the order over more batches than are asked for at once, and over those that overlap', async () => {
    await brought(hostWith('wide', [at(0), at(205), at(999)]));
    for (let n = 1; n <= 45; n += 1) await brought(hostWith('mx', [at(n * 10), at(n * 10 + 1)]));
    const few: SharedVerbs = {
      ...verbs,
      historyBefore: (terms) => verbs.historyBefore({ ...terms, entries: 5 }),
    };
    for (const shared of [verbs, few]) {
      const found = await keptHistory({ store: '' }, { shared }).read(ALL);
      const times = found.map(({ atMs }) => atMs - NOW_MS);
      expect(times).toHaveLength(93);
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }
    expect((await timesIn({ limit: 3 })).at(0)).toBe('mx 450');
  });

  test('has each entry once, also where the host was killed before it had removed what it brought', async () => {
    const sending = hostWith('mx1', [at(1), at(2)]);
    await sendHistory(verbs, sending, NOW_MS);
    const [file = ''] = readdirSync(sending.folder);
    const content = readFileSync(join(sending.folder, file));
    await sendHistory(verbs, sending, NOW_MS);
    expect(existsSync(join(sending.folder, file))).toBe(false);
    writeFileSync(join(sending.folder, file), content);
    await sendHistory(verbs, sending, NOW_MS);
    expect(readdirSync(sending.folder)).toEqual([]);
    expect(await timesIn()).toEqual(['mx1 1', 'mx1 2']);
  });

  test('has all that was written when it was brought twice', async () => {
    const sending = hostWith('mx1', [at(1)]);
    await sendHistory(verbs, sending, NOW_MS);
    append(sending.folder, 'devices', lineOf(at(2)), BOUNDS, NOW_MS);
    await brought(sending);
    expect(readdirSync(sending.folder)).toEqual([]);
    expect(await timesIn()).toEqual(['mx1 1', 'mx1 2']);
  });

  test('gets what a stopped process wrote late, and nothing of half a line', async () => {
    const sending = hostWith('mx1', [at(1)]);
    await sendHistory(verbs, sending, NOW_MS);
    const file = join(sending.folder, readdirSync(sending.folder)[0]!);
    appendFileSync(file, '{"kind":"push","atMs":17');
    const late: SharedVerbs = {
      ...verbs,
      keepHistory: async (batch) => {
        await verbs.keepHistory(batch);
        appendFileSync(file, `\n${lineOf(at(2))}`);
      },
    };
    await sendHistory(late, sending, NOW_MS);
    await brought(sending);
    expect(await timesIn()).toEqual(['mx1 1', 'mx1 2']);
  });

  test('stays in the files while the database is away, bounded, and is brought afterwards', async () => {
    const sending = { ...hostWith('mx1', [at(1)]), bounds: { ...BOUNDS, maxEntries: 6000 } };
    await sendHistory(verbs, sending, NOW_MS);
    await postgres.halt();
    const lines = Array.from({ length: 4500 }, (_, n) => lineOf(at(n + 10))).join('');
    for (let n = 1; n <= 3; n += 1) {
      append(sending.folder, 'devices', lines, sending.bounds, NOW_MS + n);
      await expect(sendHistory(verbs, sending, NOW_MS + n)).rejects.toMatchObject({ name: 'StoreError' });
    }
    const files = readdirSync(sending.folder);
    expect(files.length).toBe(2); // the oldest, of one entry and of 4500, have gone
    await postgres.start();
    await eventually(
      () => brought(sending).catch(() => undefined),
      () => readdirSync(sending.folder).length === 0,
    );
    expect((await history.read({ ...ALL, limit: Infinity, maxEntries: 1e6 })).length).toBe(9000);
  });

  test('is followed on every host from now on', async () => {
    await brought(hostWith('mx1', [at(1)]));
    const told: string[] = [];
    const ending = new AbortController();
    const followed = history.follow({
      ...{ clock: systemClock, signal: ending.signal },
      onEntry: ({ host, atMs }) => told.push(`${host} ${atMs - NOW_MS}`),
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    await brought(hostWith('mx2', [at(2)]));
    await brought(hostWith('mx1', [eventEntry({ atMs: NOW_MS + 3, decision: 'nobody' })], 'others'));
    await eventually(
      () => told.length,
      (count) => count >= 2,
    );
    for (let n = 4; n < 60; n += 1) await brought(hostWith('mx1', [at(n)]));
    await eventually(
      () => told.length,
      (count) => count >= 58,
    );
    ending.abort();
    await followed;
    expect(told.slice(0, 2)).toEqual(['mx2 2', 'mx1 3']);
    expect(new Set(told).size).toBe(58);
    expect(told.length).toBe(58);
  });

  test('is bounded: what is too old or too much is thrown away', async () => {
    for (let n = 1; n <= 5; n += 1) await brought(hostWith('mx1', [at(n * 10), at(n * 10 + 1)]));
    await brought(hostWith('mx1', [eventEntry({ decision: 'nobody' })], 'others'));
    const bounds = { maxAgeMs: 1000, maxEntries: 4 };
    const nowMs = NOW_MS + 100;
    const bytes = await history.discard(bounds, { nowMs, dryRun: true });
    expect(bytes).toBeGreaterThan(0);
    expect(await timesIn()).toHaveLength(11);
    expect(await history.discard(bounds, { nowMs, dryRun: false })).toBe(bytes);
    expect(await timesIn({ shelves: ['devices'] })).toEqual(['mx1 40', 'mx1 41', 'mx1 50', 'mx1 51']);
    expect(await history.discard({ ...bounds, maxAgeMs: 50 }, { nowMs, dryRun: false })).toBeGreaterThan(0);
    expect(await timesIn()).toEqual(['mx1 50', 'mx1 51']);
  });

  test('is bounded over more batches than a statement removes, and leaves the rest when it is to end', async () => {
    const batches = (from: number, to: number, shelf: Shelf): Promise<unknown[]> =>
      postgres.run(
        `INSERT INTO xapplepush.history (batch, host, shelf, until_ms, entries, lines)
         SELECT '${shelf} ' || n, 'mx1', '${shelf}', ${NOW_MS} + n / 2, 2, '{}' FROM generate_series(${from}, ${to}) n`,
        store.file,
      );
    const left = (): Promise<unknown[]> =>
      postgres.run(
        `SELECT shelf, count(*)::int AS batches, min(until_ms)::float - ${NOW_MS} AS from FROM xapplepush.history
         GROUP BY shelf ORDER BY shelf`,
        store.file,
      );
    await batches(1, 13_000, 'devices');
    await batches(1, 300, 'others');
    const bounds = { beforeMs: NOW_MS + 100, maxEntries: 11_998 };
    const bytes = await verbs.discardHistory({ ...bounds, dryRun: true });
    expect(await verbs.discardHistory({ ...bounds, dryRun: false })).toBe(bytes);
    expect(await left()).toEqual([
      { shelf: 'devices', batches: 5999, from: 3501 },
      { shelf: 'others', batches: 101, from: 100 },
    ]);
    expect(await verbs.discardHistory({ ...bounds, dryRun: false })).toBe(0);
    const ended = { maxEntries: 0, beforeMs: 0, dryRun: false, signal: AbortSignal.abort() };
    expect(await verbs.discardHistory(ended)).toBe(0);
    expect(await left()).toHaveLength(2);
  });

  test('of one user only batches are read that may be about that user', async () => {
    const trouble: Entry = { kind: 'trouble', atMs: NOW_MS + 3, reason: 'no certificate is configured' };
    const long = 'x'.repeat(3000);
    await brought(hostWith('mx1', [at(1), at(2, { user: 'bob' })]));
    await brought(hostWith('mx2', [at(2, { user: 'bob' })]));
    await brought(hostWith('mx3', [trouble]));
    await brought(
      hostWith('mx4', [eventEntry({ atMs: NOW_MS + 4, mailboxes: [{ owner: long, path: 'INBOX' }] })]),
    );
    await brought(
      hostWith('mx5', [eventEntry({ atMs: NOW_MS + 5, mailboxes: [{ owner: 'a\0', path: 'INBOX' }] })]),
    );
    await postgres.run(
      `INSERT INTO xapplepush.history (batch, host, shelf, until_ms, entries, lines)
       SELECT 'of an older program', 'mx6', 'devices', until_ms + 1, entries, lines FROM xapplepush.history
       WHERE host = 'mx2'`,
      store.file,
    );
    const batchesOf = async (ofUser?: string): Promise<string[]> => {
      const terms = { shelves: ['devices'], sinceMs: 0, before: undefined, entries: 100 };
      return (await verbs.historyBefore({ ...terms, ofUser })).map(({ host }) => host).sort();
    };
    expect(await batchesOf()).toEqual(['mx1', 'mx2', 'mx3', 'mx4', 'mx5', 'mx6']);
    expect(await batchesOf('alice')).toEqual(['mx1', 'mx3', 'mx4', 'mx5', 'mx6']);
    const readOf = (user: string): Promise<string[]> =>
      timesIn({ user, wanted: (entry: Entry) => isAbout(entry, (name) => name === user) });
    expect(await readOf('bob')).toEqual(['mx1 2', 'mx2 2', 'mx6 2', 'mx3 3']);
    expect(await readOf(long)).toEqual(['mx3 3', 'mx4 4']);
    expect(await readOf('a\0')).toEqual(['mx3 3', 'mx5 5']);
  });
});
