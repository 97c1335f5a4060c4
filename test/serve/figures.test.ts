import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { spoolFigures, storeFigures } from '../../src/serve/figures.ts';
import { configFor, startTestApns } from '../support/apns.ts';
import { captured } from '../support/events.ts';
import { notifyAsCyrus, served } from '../support/serving.ts';
import { temporaryFolder, testStore, type TestStore } from '../support/store.ts';

const NOW_MS = Date.now();
const HOUR_MS = 3_600_000;

/** Far more looks than an event has turns of the event loop, and still made within seconds. */
const MANY = 200_000;

/** Devices of as many users, and a push that waits for each of the first. */
function fill(store: TestStore, targets: number, waiting: number): Promise<unknown> {
  return store.write((sql) => {
    sql(
      `INSERT INTO targets (user, device_token, account_id, subtopic, aps_version, topic, source, registered_ms,
         renewed_ms)
       WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
       SELECT 'user' || n, 'aa', 'account', 'mail', 2, '', 'cyrus', 0, 0 FROM numbers`,
    ).run(targets);
    sql(
      `INSERT INTO outbox (target_id, apns_id, generation, event, enqueued_ms, event_ms, due_ms)
       SELECT id, '', 1, 'MessageNew', @nowMs - id, @nowMs, @dueMs FROM targets WHERE id <= @waiting`,
    ).run({ waiting, nowMs: NOW_MS, dueMs: NOW_MS + HOUR_MS });
  });
}

test('say how many devices there are, how much waits, and since when', async () => {
  const store = testStore();
  expect(await storeFigures(store)).toEqual({
    ...{ targets: 0, waiting: 0, oldestMs: undefined },
    collections: { calendar: 0, contacts: 0 },
  });
  await fill(store, 6000, 5001);
  await store.write((sql) => sql('DELETE FROM targets WHERE id BETWEEN 2 AND 2999').run());
  await store.write((sql) =>
    sql("UPDATE targets SET subtopic = 'calendar', expires_ms = 1 WHERE id IN (3000, 6000)").run(),
  );
  expect(await storeFigures(store)).toEqual({
    ...{ targets: 3000, waiting: 2003, oldestMs: NOW_MS - 5001 },
    collections: { calendar: 2, contacts: 0 },
  });
});

test('say how many files the spool has, and how old the oldest is', async () => {
  const spool = join(temporaryFolder(), 'spool');
  expect(await spoolFigures(spool, NOW_MS)).toEqual({ waiting: 0, bad: 0, oldestMs: 0 });
  mkdirSync(join(spool, 'new'), { recursive: true });
  for (let n = 0; n < 1001; n += 1) {
    const [file, atMs] = [join(spool, `new/${n}.json`), NOW_MS - 1000 * (n % 700)];
    writeFileSync(file, '{}');
    utimesSync(file, atMs / 1000, atMs / 1000);
  }
  mkdirSync(join(spool, 'bad'));
  for (const name of ['a.json', 'a.json.reason']) writeFileSync(join(spool, 'bad', name), '');
  expect(await spoolFigures(spool, NOW_MS)).toEqual({ waiting: 1001, bad: 1, oldestMs: 699_000 });
});

test('say that a spool cannot be looked at', async () => {
  const spool = temporaryFolder();
  writeFileSync(join(spool, 'new'), '');
  await expect(spoolFigures(spool, NOW_MS)).rejects.toThrow('ENOTDIR');
});

test.each([
  ['devices', 0],
  ['waiting pushes', MANY],
])(
  'Cyrus is answered in the middle of each of many looks at as many %s',
  async (_, waiting) => {
    const apns = await startTestApns();
    onTestFinished(() => apns.close());
    const folder = temporaryFolder();
    const store = testStore(join(folder, 'x.db'));
    await fill(store, MANY, waiting);
    writeFileSync(join(folder, 'imapd.conf'), '');
    writeFileSync(
      join(folder, 'config.yaml'),
      `${configFor(apns)}store: ${folder}/x.db
spool: ${folder}/spool
imapd_conf: ${folder}/imapd.conf
serve: { http: "127.0.0.1:0", cyrus_socket: ${folder}/cyrus.sock }
`,
    );
    const { ask } = await served(loadConfig(join(folder, 'config.yaml'), {}));
    const tellEvent = (): Promise<string> => notifyAsCyrus(folder, captured('dlist-MessageNew.bin'));
    expect(await tellEvent()).toBe('OK NIL\r\n');
    for (let round = 0; round < 5; round += 1) {
      let isOver = false;
      const looking = storeFigures(store).finally(() => (isOver = true));
      expect(await tellEvent()).toBe('OK NIL\r\n');
      expect(isOver).toBe(false);
      expect(await looking).toMatchObject({ targets: MANY, waiting });
    }
    expect((await ask('/metrics')).text).toContain(`xapplepush_targets ${MANY}\n`);
  },
  120_000,
);
