import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { lineOf } from '../../src/history/entry.ts';
import { historyFolder, openHistory } from '../../src/history/history.ts';
import { keptHistory } from '../../src/history/kept.ts';
import { endSharing, keepHistory } from '../../src/serve/history-chore.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import type { SharedVerbs } from '../../src/store/shared.ts';
import type { Store } from '../../src/store/store.ts';
import { createTestClock } from '../support/clock.ts';
import { pushEntryOf } from '../support/history.ts';
import { describeWith } from '../support/needs.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';
import { postgresAvailability } from '../support/postgres-installation.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { NOW_MS, temporaryFolder } from '../support/store.ts';

const ALL = { limit: 100, sinceMs: 0, maxEntries: 100, wanted: () => true };

describeWith('PostgreSQL', postgresAvailability(), 'the history of each serve', () => {
  let postgres: Postgres;
  let store: Store;
  beforeAll(async () => {
    postgres = await startPostgres();
    store = openPostgres({ url: await postgres.database() }, { create: true });
  });
  afterAll(async () => {
    store.close();
    await postgres.stop();
  });

  /** One that notes what its host throws away. */
  const hostWith = (owner: string, discards: string[], changes: Partial<SharedVerbs> = {}) => {
    const config = {
      store: join(temporaryFolder(), 'x.db'),
      history: { maxEntries: 100, maxAgeMs: 86_400_000 },
    } as Config;
    const shared: SharedVerbs = {
      ...store.shared!,
      discardHistory: (bounds) => {
        discards.push(owner);
        return store.shared!.discardHistory(bounds);
      },
      ...changes,
    };
    const clock = createTestClock(NOW_MS);
    const log = recordedLog();
    const ending = new AbortController();
    const chore = { clock, log, ending: ending.signal };
    const kept = keepHistory(config, { ...store, shared }, owner, chore);
    const end = async (): Promise<void> => {
      ending.abort();
      await kept;
    };
    onTestFinished(end);
    const pass = async (ms: number): Promise<void> => {
      await clock.asleep();
      clock.advance(ms);
      await clock.asleep();
    };
    const history = openHistory({ config, clock, log, endsAtOnce: false });
    return { config, store: { ...store, shared }, chore, log, history, pass, end, owner };
  };
  const kept = (): Promise<unknown[]> => keptHistory({ store: '' }, store).read(ALL);

  test('is brought twice a second, and to its end', async () => {
    const { history, pass, end, config, chore } = hostWith('a', []);
    history.record(pushEntryOf());
    await turn(); // at whose end it is written
    await pass(500);
    await pass(500);
    expect(await kept()).toEqual([{ ...pushEntryOf(), host: hostname() }]);
    await end();
    history.record(pushEntryOf({ attempt: 2 }));
    await endSharing(config, store, 'a', chore);
    expect(await kept()).toHaveLength(2);
  });

  test('is thrown away by one of them, and by another when that one has died or ended', async () => {
    const discards: string[] = [];
    const [a, b] = [hostWith('a', discards), hostWith('b', discards)];
    const bothPass = async (): Promise<void> => {
      for (const { pass } of [a, b]) await pass(30_000);
    };
    await bothPass();
    await bothPass();
    expect(discards).toEqual(['a', 'a']);
    await postgres.run('UPDATE xapplepush.duties SET until_ms = 0', store.file); // a is silent
    await b.pass(30_000);
    await bothPass();
    expect(discards).toEqual(['a', 'a', 'b', 'b']);
    await b.end();
    await endSharing(b.config, b.store, b.owner, b.chore);
    await a.pass(30_000);
    expect(discards.at(-1)).toBe('a');
  });

  /** So many files of a history, each of one entry. */
  const files = ({ store: file }: Config, count: number): void => {
    const folder = historyFolder(file);
    mkdirSync(folder, { recursive: true });
    for (let n = 0; n < count; n += 1)
      writeFileSync(join(folder, `devices.${NOW_MS + n}.1.jsonl`), lineOf(pushEntryOf()));
  };
  const filesIn = ({ store: file }: Config): number => readdirSync(historyFolder(file)).length;

  test('stops between two files when serve ends, and brings no more than two seconds allow at its end', async () => {
    const brought: string[] = [];
    const ending = new AbortController();
    const keepHistoryOf = (then: () => void): SharedVerbs['keepHistory'] => {
      return ({ batch }) => {
        brought.push(batch);
        then();
        return Promise.resolve();
      };
    };
    const clock = createTestClock(NOW_MS);
    const config = { store: join(temporaryFolder(), 'x.db'), history: {} } as Config;
    const log = recordedLog();
    files(config, 9);
    const shared = { ...store.shared!, keepHistory: keepHistoryOf(() => ending.abort()) };
    const kept = keepHistory(config, { ...store, shared }, 'd', { clock, log, ending: ending.signal });
    await clock.asleep();
    clock.advance(500);
    await kept;
    expect([brought.length, filesIn(config)]).toEqual([1, 8]);
    const slow = { ...store.shared!, keepHistory: keepHistoryOf(() => clock.advance(700)) };
    await endSharing(config, { ...store, shared: slow }, 'd', { clock, log });
    expect([brought.length, filesIn(config)]).toEqual([4, 5]);
    expect(log.entries).toEqual([]);
  });

  test('says by itself that nothing is thrown away', async () => {
    const refusal: Partial<SharedVerbs> = {
      takeDuty: () => Promise.reject(new Error('refused')),
    };
    const { pass, log } = hostWith('e', [], refusal);
    for (let times = 0; times < 2; times += 1) await pass(30_000);
    expect(log.entries.map(({ message, fields }) => [message, fields])).toEqual([
      ['what of the history is too old or too much stays in the database for now', { reason: 'refused' }],
    ]);
  });

  test('waits in the files, and is told of once, where it cannot be brought', async () => {
    const { history, pass, log, config, chore } = hostWith('c', []);
    await pass(500);
    mkdirSync(join(historyFolder(config.store), `devices.${NOW_MS}.1.jsonl`), { recursive: true });
    for (let times = 0; times < 3; times += 1) await pass(500);
    history.record(pushEntryOf());
    await endSharing(config, store, 'c', chore);
    expect(log.messages('warn')).toEqual([
      'the history waits in the files of this host',
      'the history waits in the files of this host',
    ]);
  });
});
