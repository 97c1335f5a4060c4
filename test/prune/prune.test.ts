import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { sizeText } from '../../src/process/text.ts';
import { describePrune, pruneJson } from '../../src/prune/description.ts';
import { prune, type PruneOptions, type PruneReport } from '../../src/prune/prune.ts';
import { KEPT_EXPIRED_MS } from '../../src/store/intake.ts';
import { readHistory } from '../../src/history/read.ts';
import { historyFolder } from '../../src/history/history.ts';
import { startTestApns } from '../support/apns.ts';
import { createSleeplessClock } from '../support/clock.ts';
import { ACCOUNT_ID, DEVICE_TOKEN, tokenNumber } from '../support/events.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { holdWriteLock, registered, temporaryFolder, testStore, type TestStore } from '../support/store.ts';

const DAY_MS = 86_400_000;
// The certificates of the tests are valid now.
const NOW_MS = Date.now();

interface Stage {
  store: TestStore;
  config: Config;
  run: (options?: Partial<PruneOptions>) => ReturnType<typeof prune>;
}

/** Devices renewed eleven days, two days and just now ago; a bad file of 31 days and one of a day ago. */
async function stage(apns = {}, busyTimeoutMs = 5000): Promise<Stage> {
  const dir = temporaryFolder();
  const store = testStore(join(dir, 'x.db'), busyTimeoutMs);
  const renewed = (user: string, daysAgo: number, topic: string): Promise<number> =>
    registered(store, { user, topic }, { nowMs: NOW_MS - daysAgo * DAY_MS });
  await renewed('silent', 11, 'former');
  await renewed('left', 2, 'former');
  await renewed('here', 0, 'current');
  const spool = join(dir, 'spool');
  mkdirSync(join(spool, 'bad'), { recursive: true });
  for (const [name, daysAgo] of [['old', 31] as const, ['new', 1] as const]) {
    const file = join(spool, 'bad', name);
    writeFileSync(file, '12345');
    utimesSync(file, NOW_MS / 1000 - daysAgo * 86_400, NOW_MS / 1000 - daysAgo * 86_400);
  }
  const config = {
    store: store.file,
    spool,
    imapdConf: join(dir, 'imapd.conf'),
    apns,
    prune: { olderThanMs: 10 * DAY_MS, badFilesMs: 30 * DAY_MS },
    history: { maxAgeMs: DAY_MS, maxEntries: 100 },
  } as unknown as Config;
  const run: Stage['run'] = (options = {}) =>
    prune({
      config,
      clock: createSleeplessClock(NOW_MS),
      log: recordedLog(),
      olderThanMs: 10 * DAY_MS,
      unusedTopics: false,
      dryRun: false,
      force: false,
      ...options,
    });
  return { store, config, run };
}

async function users(store: TestStore): Promise<string[]> {
  return (await store.listTargets({})).map(({ user }) => user);
}

async function withCredential(): Promise<Stage> {
  const apns = await startTestApns();
  onTestFinished(() => apns.close());
  const { clientCertificate: certificate, clientKey: key } = apns.files;
  return stage({ server: apns.url, certificate, key });
}

describe('prune', () => {
  test('removes silent targets and old bad files', async () => {
    const { store, config, run } = await stage();
    const { report, exitCode } = await run();
    expect(exitCode).toBe(0);
    expect(report).toMatchObject({
      dryRun: false,
      targets: { count: 1, listed: [{ user: 'silent' }] },
      badFiles: { count: 1, bytes: 5 },
      database: { freeBytes: 0 },
    });
    expect(report).not.toHaveProperty('topics');
    expect(await users(store)).toEqual(['here', 'left']);
    expect(readdirSync(join(config.spool, 'bad'))).toEqual(['new']);
    expect((await run()).report).toMatchObject({ targets: { count: 0 }, badFiles: { count: 0 } });
  });

  test('clears old history away, and tells there whom it removed', async () => {
    const { store, run } = await stage();
    const folder = historyFolder(store.file);
    mkdirSync(folder);
    writeFileSync(join(folder, `others.${NOW_MS - DAY_MS - 1}.1.jsonl`), 'old\n');
    expect((await run({ dryRun: true })).report.history).toEqual({ bytes: 4 });
    const { report } = await run();
    expect(report.history).toEqual({ bytes: 4 });
    expect(describePrune(report)).toContain('removed 4 bytes of old history\n');
    expect((await run()).report.history).toEqual({ bytes: 0 });
    await turn();
    const all = { limit: 9, sinceMs: 0, maxEntries: 9, wanted: () => true };
    expect(readHistory(folder, all)).toMatchObject([{ user: 'silent', change: 'pruned' }]);
  });

  test('is not misled by a device that a clock that was ahead has dated', async () => {
    const { store, run } = await stage();
    const nowMs = NOW_MS + 3 * DAY_MS;
    await registered(store, { user: 'ahead' }, { nowMs: nowMs + 300 * DAY_MS });
    await expect(run({ clock: createSleeplessClock(nowMs) })).rejects.toThrow(
      /within two days: the last did 2/,
    );
    expect(await users(store)).toHaveLength(4);
  });

  test('changes nothing in a rehearsal', async () => {
    const { store, config, run } = await stage();
    const { report } = await run({ dryRun: true });
    expect(report).toMatchObject({ dryRun: true, targets: { count: 1 }, badFiles: { count: 1 } });
    expect(report.database).toEqual({ freeBytes: 0 });
    expect(await users(store)).toEqual(['here', 'left', 'silent']);
    expect(readdirSync(join(config.spool, 'bad'))).toHaveLength(2);
  });

  test('tells what it removed even where it cannot compact', async () => {
    const { run, store } = await stage({}, 20);
    await store.write((sql) =>
      sql(
        `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000)
         INSERT INTO provider_tokens SELECT i, hex(zeroblob(1900)), 0 FROM n`,
      ).run(),
    );
    await store.write((sql) => sql('DELETE FROM provider_tokens').run());
    // The first pause is in the midst of compacting: one target is removed in one turn.
    const sleep = (): Promise<void> => {
      holdWriteLock(store.file);
      return Promise.resolve();
    };
    const { report, exitCode } = await run({ clock: { ...createSleeplessClock(NOW_MS), sleep } });
    expect(exitCode).toBe(75);
    expect(report).toMatchObject({ targets: { count: 1 }, badFiles: { count: 1 } });
    expect(report.database).toMatchObject({ problem: expect.stringContaining('locked') as string });
  });
});

describe('unused topics', () => {
  test('go where nobody registers under them', async () => {
    const { store, run } = await withCredential();
    await registered(store, { user: 'unknown', topic: '' }, { nowMs: NOW_MS - 5 * DAY_MS });
    const rehearsal = await run({ unusedTopics: true, dryRun: true });
    expect(rehearsal.report).toMatchObject({
      targets: { count: 1 },
      topics: [{ topic: 'former', count: 1 }],
    });
    const { report } = await run({ unusedTopics: true });
    expect(report.topics).toEqual([{ topic: 'former', count: 1 }]);
    expect(await users(store)).toEqual(['here', 'unknown']);
    expect((await run({ unusedTopics: true })).report.topics).toEqual([]);
  });

  test('stay while a single device registers under them', async () => {
    const { store, run } = await withCredential();
    await registered(store, { user: 'late', topic: 'former' }, { nowMs: NOW_MS - DAY_MS });
    expect((await run({ unusedTopics: true })).report.topics).toEqual([]);
    expect(await users(store)).toEqual(['here', 'late', 'left']);
  });

  test('stay from the moment on at which a device registers under them', async () => {
    const { store, run } = await withCredential();
    for (let n = 0; n < 300; n += 1)
      await registered(
        store,
        { user: `left${n}`, deviceToken: tokenNumber(n), topic: 'former' },
        { nowMs: NOW_MS - 2 * DAY_MS },
      );
    const clock = createSleeplessClock(NOW_MS);
    const registers = async (): Promise<void> => {
      await registered(store, { user: 'new', topic: 'former' }, { nowMs: NOW_MS });
    };
    const { report } = await run({
      unusedTopics: true,
      force: true,
      clock: { ...clock, sleep: registers },
    });
    expect(report.topics).toEqual([{ topic: 'former', count: 50 }]);
    expect(await store.listTargets({ topic: 'former' })).toHaveLength(252);
  });

  test('are not looked for without a credential, and then nothing is removed', async () => {
    const { store, run } = await stage({
      server: new URL('https://127.0.0.1:1'),
      certificate: '/nonexistent',
    });
    await expect(run({ unusedTopics: true })).rejects.toMatchObject({ exitCode: 78 });
    expect(await users(store)).toHaveLength(3);
    expect((await run()).exitCode).toBe(0);
  });
});

describe('a clock that is ahead', () => {
  const ahead = createSleeplessClock(NOW_MS + 30 * DAY_MS);

  /** Thirty devices, and things of the past that the same clock makes too old. */
  async function inUse(devices: number): Promise<Stage> {
    const built = await stage();
    await built.store.write((sql) => sql('DELETE FROM targets').run());
    for (let n = 0; n < devices; n += 1)
      await registered(built.store, { user: `user${n}`, deviceToken: tokenNumber(n) }, { nowMs: NOW_MS - n });
    mkdirSync(historyFolder(built.store.file));
    writeFileSync(join(historyFolder(built.store.file), `others.${NOW_MS}.1.jsonl`), 'kept\n');
    return built;
  }

  function leftOf({ store, config }: Stage): { bad: number; history: number } {
    const history = readdirSync(historyFolder(store.file)).filter((name) => name.startsWith('others'));
    return { bad: readdirSync(join(config.spool, 'bad')).length, history: history.length };
  }

  test('removes nothing, and says what was counted', async () => {
    const built = await inUse(30);
    const error: unknown = await built.run({ clock: ahead }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      exitCode: 75,
      message: expect.stringMatching(
        /^nothing was removed: it would remove 30 of 30 devices, .*the last did 20.*Z$/,
      ) as string,
      hint: expect.stringContaining('--force') as string,
    });
    expect(await users(built.store)).toHaveLength(30);
    expect(leftOf(built)).toEqual({ bad: 2, history: 1 });
  });

  test('removes nothing where a few devices have registered by it', async () => {
    const built = await inUse(30);
    await registered(built.store, { user: 'user0', deviceToken: tokenNumber(0) }, { nowMs: ahead.nowMs() });
    await expect(built.run({ clock: ahead })).rejects.toMatchObject({
      exitCode: 75,
      message: expect.stringContaining('it would remove 29 of 30 devices, expected half') as string,
    });
    expect(await users(built.store)).toHaveLength(30);
  });

  test('is told by a rehearsal', async () => {
    const built = await inUse(30);
    const { report, exitCode } = await built.run({ clock: ahead, dryRun: true });
    expect(exitCode).toBe(0);
    expect(describePrune(report)).toMatch(
      /\nrefused without --force: it would remove 30 of 30 devices, .*\n.*--force .*\n$/,
    );
    expect(JSON.parse(pruneJson(report))).toMatchObject({
      refused: expect.stringContaining('30 of 30') as string,
    });
  });

  test('is no failure on a small host, where everything stays as well', async () => {
    const built = await inUse(2);
    const { report, exitCode } = await built.run({ clock: ahead });
    expect(exitCode).toBe(0);
    expect(describePrune(report)).toMatch(
      /^would remove 2 devices [^]*\nrefused without --force: it would remove 2 of 2/,
    );
    expect(await users(built.store)).toHaveLength(2);
    expect(leftOf(built)).toEqual({ bad: 2, history: 1 });
  });

  test.each([1, 30])('is overruled by --force: %i devices', async (devices) => {
    const built = await inUse(devices);
    const { report, exitCode } = await built.run({ clock: ahead, force: true });
    expect(exitCode).toBe(0);
    expect(report).toMatchObject({ dryRun: false, targets: { count: devices } });
    expect(report).not.toHaveProperty('refusal');
    expect(leftOf(built)).toEqual({ bad: 0, history: 0 });
  });

  test('does the same to the devices of unused topics', async () => {
    const { store, run } = await withCredential();
    for (const n of [1, 2, 3])
      await registered(
        store,
        { user: `moved${n}`, deviceToken: tokenNumber(n), topic: 'former' },
        { nowMs: NOW_MS - 3 * DAY_MS },
      );
    await expect(run({ unusedTopics: true })).rejects.toMatchObject({
      message: expect.stringContaining('it would remove 5 of 6 devices') as string,
    });
    expect(await users(store)).toHaveLength(6);
  });
});

describe('the report', () => {
  const listed = async (): Promise<PruneReport> => (await (await stage()).run()).report;

  test('for a person', async () => {
    const report = await listed();
    expect(describePrune(report)).toMatch(
      /^removed 1 device not renewed since .*Z\nUSER .*\nsilent .*\nremoved 1 bad file set aside before .*Z, 5 bytes\ndatabase: .*\n$/,
    );
    const more = { ...report, targets: { count: 900, listed: report.targets.listed } };
    expect(describePrune(more)).toContain('\nand 899 more\n');
    expect(describePrune({ ...report, topics: [{ topic: 'a\u001b', count: 2 }] })).toContain(
      '\nremoved 2 devices of the unused topic a\\u001b\n',
    );
    expect(describePrune({ ...report, topics: [] })).toContain('\nno topic is unused\n');
  });

  test.each<[PruneReport['database'], string]>([
    [{ freeBytes: 3_100_000 }, '3.1 MB in it are free'],
    [{ problem: 'busy' }, 'cannot be compacted now: busy'],
    [{ bytesBefore: 9_000_000, bytesAfter: 2_000_000, freeBytes: 0 }, '2.0 MB, gave back 7.0 MB'],
    [
      { bytesBefore: 9_000_000, bytesAfter: 2_000_000, freeBytes: 0, blockedMs: 40 },
      '2.0 MB, gave back 7.0 MB; rewritten as a whole, which shut others out for 40 ms',
    ],
    [
      { bytesBefore: 9_000_000, bytesAfter: 9_000_000, freeBytes: 5_000_000, tooLarge: true },
      '9.0 MB, gave back nothing; 5.0 MB in it are free for new devices',
    ],
  ])('of the database %j', async (database, want) => {
    expect(describePrune({ ...(await listed()), database })).toContain(`\ndatabase: ${want}\n`);
  });

  test('for a program, without secrets', async () => {
    const text = pruneJson({ ...(await listed()), topics: [{ topic: 'former', count: 2 }] });
    expect(JSON.parse(text)).toMatchObject({
      dryRun: false,
      removed: [{ user: 'silent' }],
      targets: { count: 1 },
      unusedTopics: [{ topic: 'former', count: 2 }],
      badFiles: { count: 1, bytes: 5 },
      database: { freeBytes: 0 },
    });
    expect(text).not.toContain(DEVICE_TOKEN);
    expect(text).not.toContain(ACCOUNT_ID);
  });

  test.each([
    [0, '0 bytes'],
    [999, '999 bytes'],
    [4096, '4 kB'],
    [3_140_000, '3.1 MB'],
  ])('%i bytes', (bytes, want) => {
    expect(sizeText(bytes)).toBe(want);
  });
});

test('calendars and address books go that have run out, and Mail stays', async () => {
  const { store, run } = await stage();
  const NOW = { nowMs: NOW_MS };
  const calendar = { subtopic: 'calendar', topic: 'com.apple.calendar.XServer.1' };
  await registered(
    store,
    { ...calendar, user: 'here', accountId: 'here/two', expiresMs: NOW_MS - KEPT_EXPIRED_MS + 1 },
    NOW,
  );
  await registered(
    store,
    { ...calendar, user: 'here', accountId: 'here/one', expiresMs: NOW_MS - KEPT_EXPIRED_MS - 1 },
    NOW,
  );
  expect((await run({ dryRun: true })).report).toMatchObject({ expired: { count: 1 } });
  const { report } = await run();
  expect(report).toMatchObject({ expired: { count: 1 }, targets: { count: 1 } });
  expect(describePrune(report)).toContain('removed 1 subscription of calendars and contacts that ran out\n');
  const left = await store.listTargets({ user: 'here' });
  expect(left.map(({ accountId }) => accountId).sort()).toEqual([ACCOUNT_ID, 'here/two']);
});

test('however many calendars are asked for, most devices of Mail do not go at once', async () => {
  const { store, run } = await stage();
  const calendar = { subtopic: 'calendar', topic: 'com.apple.calendar.XServer.1', user: 'here' };
  const longAgo = { nowMs: NOW_MS - 11 * DAY_MS };
  for (let n = 0; n < 10; n += 1) {
    await registered(store, { user: `silent${n}`, deviceToken: tokenNumber(n) }, longAgo);
    const expiresMs = NOW_MS + DAY_MS;
    await registered(store, { ...calendar, accountId: `here/${n}`, expiresMs }, { nowMs: NOW_MS });
  }
  await expect(run()).rejects.toThrow('nothing was removed: it would remove 11 of 13 devices');
});

test('a clock that is ahead takes no calendar away', async () => {
  const { store, run } = await stage();
  const expiresMs = NOW_MS - KEPT_EXPIRED_MS - 1;
  const calendar = { subtopic: 'calendar', topic: 'com.apple.calendar.XServer.1', accountId: 'here/one' };
  await registered(store, { ...calendar, user: 'here', expiresMs }, { nowMs: NOW_MS });
  expect(
    (await run({ clock: createSleeplessClock(NOW_MS + 20 * DAY_MS), force: true })).report,
  ).toMatchObject({ expired: { count: 0 } });
});
