import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../src/process/clock.ts';
import type { Config } from '../src/config/config.ts';
import { poke } from '../src/delivery/poke.ts';
import { statusOf } from '../src/status/status.ts';
import { connect } from '../src/store/sqlite/driver.ts';
import { openStore } from '../src/store/open.ts';
import { startTestApns, type TestApns } from './support/apns.ts';
import { eventually } from './support/command.ts';
import { captured } from './support/events.ts';
import { forget } from './support/pushes.ts';
import { notifyAsCyrus, registrationOf, served, settingFor } from './support/serving.ts';

let apns: TestApns;

beforeAll(async () => {
  apns = await startTestApns();
});
beforeEach(() => forget(apns));
afterAll(() => apns.close());

/** What keeps a database from being opened: makes it so, and gives what puts it right. */
type Fault = [string, (file: string) => () => void, RegExp];

const FAULTS: Fault[] = [
  ['locked', lock, /is locked by another process/],
  ['no database', inPlaceOf((file) => writeFileSync(file, 'x'.repeat(5000))), /damaged or no database/],
  [
    "another program's",
    inPlaceOf((file) => connect(file).exec('CREATE TABLE other (id INTEGER)').close()),
    /not one of xapplepush/,
  ],
  [
    'of a newer program',
    (file) => {
      setVersion(file, 999);
      return () => setVersion(file, openedVersion);
    },
    /has version 999; this program knows versions up to/,
  ],
  ['a folder', inPlaceOf((file) => mkdirSync(file)), /cannot be opened/],
];

/** Another process has it for itself alone. */
function lock(file: string): () => void {
  const other = connect(file);
  other.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  onTestFinished(() => void other.close());
  return () => other.close();
}

function inPlaceOf(make: (file: string) => void): Fault[1] {
  return (file) => {
    renameSync(file, `${file}.good`);
    make(file);
    return () => {
      rmSync(file, { recursive: true });
      renameSync(`${file}.good`, file);
    };
  };
}

let openedVersion = 0;

function setVersion(file: string, version: number): void {
  const database = connect(file);
  openedVersion = database.pragma('user_version', { simple: true }) as number;
  database.pragma(`user_version = ${version}`);
  database.close();
}

/** A configuration whose database is there, and well. */
function setting(more = ''): { folder: string; config: Config } {
  const made = settingFor(
    apns,
    (folder) => `delivery: { throttle: 0s }
serve: { http: "127.0.0.1:0", cyrus_socket: ${folder}/cyrus.sock }
${more}`,
  );
  openStore(made.config.store, { create: true }).close();
  return made;
}

const NOTIFICATION = '{"Username":"bob","Mailbox":"INBOX","Events":["MessageNew"]}';

describe('serve whose database cannot be opened', () => {
  test.each(FAULTS)('%s: takes everything, says why, and goes on once it can', async (_, hurt, why) => {
    const { folder, config } = setting();
    const repair = hurt(config.store);
    const { log, ask } = await served(config);
    expect(await ask('/register', registrationOf('bob', 1))).toEqual({ status: 200, text: apns.topic });
    expect(await ask('/notify', NOTIFICATION)).toMatchObject({ status: 200 });
    expect(await notifyAsCyrus(folder, captured('dlist-ApplePushService.bin'))).toBe('OK NIL\r\n');
    expect(await notifyAsCyrus(folder, captured('dlist-MessageNew.bin'))).toBe('OK NIL\r\n');
    const readiness = await ask('/readyz');
    expect(readiness.status).toBe(200);
    expect(readiness.text).toMatch(/^ready, but events wait in the spool, and no push is sent: .*; fix: /);
    expect(readiness.text).toMatch(why);
    expect((await ask('/metrics')).text).toContain('xapplepush_store_readable 0\n');
    // Handlers that can open it are to start a deliverer of their own.
    expect(await poke(config.control)).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 2500)); // it tries again twice
    expect(log.messages('error')).toEqual([expect.stringMatching(/events wait in the spool/)]);
    expect(apns.received).toEqual([]);
    repair();
    await apns.pushes(2);
    expect((await ask('/readyz')).text).toBe('ready\n');
    expect((await ask('/metrics')).text).toContain('xapplepush_store_readable 1\n');
    await eventually(
      () => poke(config.control),
      (heard) => heard,
    );
    const { targets } = await statusOf(config, systemClock);
    expect([targets.targets, targets.served === undefined]).toEqual([2, false]);
  });

  test('a reload brings another configuration all the same, and its database', async () => {
    const { folder, config } = setting();
    writeFileSync(config.store, 'x'.repeat(5000));
    const { log, ask, serving } = await served(config);
    const still = { ...config, serve: { ...config.serve, cyrusSocket: `${folder}/other.sock` } };
    await serving.reload({ config: still, log });
    expect(await notifyAsCyrus(folder, captured('dlist-ApplePushService.bin'), 'other.sock')).toBe(
      'OK NIL\r\n',
    );
    await serving.reload({ config: { ...still, store: join(folder, 'new.db') }, log });
    expect((await ask('/readyz')).text).toBe('ready\n');
  });

  test('of an open one a reload to what cannot be opened changes nothing', async () => {
    const { folder, config } = setting();
    const { log, ask, serving } = await served(config);
    mkdirSync(join(folder, 'folder.db'));
    await expect(
      serving.reload({ config: { ...config, store: join(folder, 'folder.db') }, log }),
    ).rejects.toThrow(/cannot be opened/);
    expect((await ask('/readyz')).text).toBe('ready\n');
  });

  test('it ends at once, and what it has taken waits in the spool for the next', async () => {
    const { folder, config } = setting();
    const repair = lock(config.store);
    const first = await served(config);
    expect(await first.ask('/register', registrationOf('bob', 1))).toMatchObject({ status: 200 });
    await first.end();
    repair();
    const { ask } = await served(config);
    await ask('/notify', NOTIFICATION);
    await apns.pushes(1);
    expect(await notifyAsCyrus(folder, captured('dlist-MessageNew.bin'))).toBe('OK NIL\r\n');
  });
});
