import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { openControlDoor } from '../../src/delivery/control.ts';
import { doorbellOf } from '../../src/delivery/ring.ts';
import { isMissing } from '../../src/process/errors.ts';
import { ensureDelivery, whoAnswers, START_TIME_MS, startDeliverer } from '../../src/delivery/wake.ts';
import { configFor, startTestApns, type TestApns } from '../support/apns.ts';
import { createTestClock } from '../support/clock.ts';
import {
  COMMAND,
  configure,
  createSandbox,
  environmentOf,
  eventually,
  NOTIFYD_ARGUMENTS,
  type Sandbox,
} from '../support/command.ts';
import { EDITION, listening } from '../support/control.ts';
import { messageNew, registration, tokenNumber } from '../support/events.ts';
import { forget } from '../support/pushes.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { NOW_MS, rowsOf, temporaryFolder, testStore } from '../support/store.ts';

describe('ensureDelivery', () => {
  test('pokes whoever delivers and starts nobody', async () => {
    const store = testStore();
    const control = `${store.file}.sock`;
    let pokes = 0;
    const door = await openControlDoor(
      control,
      listening(() => (pokes += 1)),
    );
    await ensureDelivery(
      { control, edition: EDITION } as Config,
      store,
      createTestClock(NOW_MS),
      recordedLog(),
    );
    await eventually(
      () => pokes,
      (count) => count === 1,
    );
    await door.close();
    expect(await rowsOf(store, 'SELECT until_ms FROM deliverer')).toEqual([{ until_ms: 0 }]);
  });

  test.each<[string, (doorbell: string) => void]>([
    ['has no doorbell, as before there were any', () => undefined],
    ['has one that nobody hears', (doorbell) => execFileSync('mkfifo', ['-m', '600', doorbell])],
    ['could have none', (doorbell) => mkdirSync(doorbell)],
  ])('pokes over the socket a deliverer that %s', async (_what, make) => {
    const store = testStore();
    const control = `${store.file}.sock`;
    const words: string[] = [];
    const server = createServer((socket) => {
      socket.on('data', (chunk) => {
        words.push(chunk.toString());
        socket.end('ok\n');
      });
    });
    await once(server.listen(control), 'listening');
    make(doorbellOf(control, EDITION));
    await ensureDelivery(
      { control, edition: EDITION } as Config,
      store,
      createTestClock(NOW_MS),
      recordedLog(),
    );
    server.close();
    expect(words).toEqual([`poke ${EDITION}\n`]);
    expect(await rowsOf(store, 'SELECT until_ms FROM deliverer')).toEqual([{ until_ms: 0 }]);
  });

  test('starts nobody where somebody else has just done so', async () => {
    const store = testStore();
    const clock = createTestClock(NOW_MS);
    await store.mayStartDeliverer(NOW_MS, 1000);
    await ensureDelivery(
      { control: `${store.file}.sock`, edition: EDITION } as Config,
      store,
      clock,
      recordedLog(),
    );
    expect(await rowsOf(store, 'SELECT until_ms FROM deliverer')).toEqual([{ until_ms: NOW_MS + 1000 }]);
  });
});

describe('handlers and deliverers', () => {
  let apns: TestApns;
  let sandbox: Sandbox;

  beforeAll(async () => {
    apns = await startTestApns();
  });
  afterAll(() => apns.close());
  beforeEach(async () => {
    forget(apns);
    sandbox = createSandbox('');
    configure(sandbox, `${configFor(apns)}delivery: { linger: 10m }\n`);
    expect(await sandbox.notify(registration())).toMatchObject({ exitCode: 0 });
  });
  afterEach(() => sandbox.remove());

  const received = (count: number): Promise<unknown> =>
    eventually(
      () => apns.received.length,
      (pushes) => pushes >= count,
    );
  const deliverer = async (): Promise<number> => {
    await sandbox.notify(messageNew());
    await received(1);
    return sandbox.deliverers()[0] ?? 0;
  };

  // The end of one deliverer and the start of the next fall anywhere into the commits and rings of the handlers.
  test('lose nothing while deliverers end and start', async () => {
    configure(sandbox, `${configFor(apns)}delivery: { linger: 0s }\n`);
    const users = Array.from({ length: 60 }, (_, n) => n);
    const registrations = users.map((n) =>
      registration({ user: `user${n}`, apsDeviceToken: tokenNumber(n) }),
    );
    await sandbox.run([], { input: registrations.join('') });
    const handlers: Promise<{ exitCode: number | null }>[] = [];
    for (const n of users) {
      handlers.push(sandbox.notify(messageNew(`user${n}`)));
      await pause((n * 37) % 120);
    }
    expect(new Set((await Promise.all(handlers)).map(({ exitCode }) => exitCode))).toEqual(new Set([0]));
    await received(users.length);
    expect(new Set(apns.received.map(({ deviceToken }) => deviceToken)).size).toBe(users.length);
  }, 60_000);

  test('start a deliverer that keeps nobody waiting on a descriptor which has leaked into them', async () => {
    const leak = join(sandbox.dir, 'leak');
    execFileSync('mkfifo', [leak]);
    const descriptor = openSync(leak, constants.O_RDWR);
    const gap = Array<'ignore'>(20).fill('ignore');
    // Node marks what it inherits up to 15, and on to the first that is not open.
    const handler = spawn(COMMAND, NOTIFYD_ARGUMENTS, {
      env: environmentOf(sandbox.configFile),
      stdio: ['pipe', 'ignore', 'ignore', descriptor, ...gap, descriptor],
    });
    handler.stdin?.end(messageNew());
    await once(handler, 'exit');
    closeSync(descriptor);
    await received(1);
    const open = openFilesOf(sandbox.deliverers()[0]);
    expect(open).toContain(`${sandbox.store}.deliverer`);
    expect(open).not.toContain(leak);
  });

  test('start a deliverer that leaves the files of V8 open, which look like leaks', async () => {
    const handler = spawn(COMMAND, NOTIFYD_ARGUMENTS, {
      env: { ...environmentOf(sandbox.configFile), NODE_OPTIONS: '--perf-basic-prof' },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    handler.stdin.end(messageNew());
    await once(handler, 'exit');
    await received(1);
    const pid = sandbox.deliverers()[0];
    const logs = [handler.pid, pid].map((each) => `/tmp/perf-${each}.map`);
    const open = openFilesOf(pid);
    for (const log of logs) rmSync(log);
    expect(open).toContain(logs[1]);
  });

  test('say so where they can start none, and the next one sends', async () => {
    const node = join(sandbox.dir, 'node');
    copyFileSync(process.execPath, node);
    const handler = spawn(COMMAND, NOTIFYD_ARGUMENTS, {
      env: { ...environmentOf(sandbox.configFile), XAPPLEPUSH_NODE: node },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const log = (): string => readFileSync(join(sandbox.dir, 'log'), 'utf8');
    handler.stdin.write(registration());
    await eventually(log, (lines) => lines.includes('renewed'));
    rmSync(node); // as an upgrade does at this moment
    handler.stdin.end(messageNew());
    expect(await once(handler, 'exit')).toEqual([0, null]);
    expect(log()).toMatch(/ENOENT.*cannot start a deliverer/);
    expect(sandbox.deliverers()).toEqual([]);
    await pause(START_TIME_MS);
    await sandbox.notify(messageNew());
    await received(1);
  }, 20_000);

  test('start another deliverer where the one that ran was killed', async () => {
    const killed = await deliverer();
    process.kill(killed, 'SIGKILL');
    await eventually(
      () => sandbox.deliverers(),
      (pids) => pids.length === 0,
    );
    await sandbox.notify(messageNew());
    await received(2);
    expect(sandbox.deliverers()).not.toEqual([killed]);
  });

  test('do not wait for a deliverer that has stopped, which sends when it goes on', async () => {
    const stopped = await deliverer();
    process.kill(stopped, 'SIGSTOP');
    expect(await sandbox.notify(messageNew())).toMatchObject({ exitCode: 0, stderr: '' });
    expect(sandbox.deliverers()).toEqual([stopped]);
    process.kill(stopped, 'SIGCONT');
    await received(2);
  });
});

/** By their names; without those that were closed while we looked. */
function openFilesOf(pid: number | undefined): string[] {
  const folder = `/proc/${String(pid)}/fd`;
  return readdirSync(folder).flatMap((name) => {
    try {
      return [readlinkSync(join(folder, name))];
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  });
}

test('a serve is told from a deliverer, and from nobody', async () => {
  const answers: (string | undefined)[] = [];
  for (const one of [listening(), { ...listening(), onYield: () => false }]) {
    const path = join(temporaryFolder(), 'control.sock');
    const door = await openControlDoor(path, one);
    answers.push(await whoAnswers(path));
    await door.close();
    answers.push(await whoAnswers(path));
  }
  expect(answers).toEqual(['deliverer', undefined, 'serve', undefined]);
});

test('a deliverer that cannot be started is told, and nothing is thrown', async () => {
  const log = recordedLog();
  await startDeliverer(`/${'x'.repeat(200_000)}`, log); // longer than an argument may be (execve(2), E2BIG)
  expect(log.entries).toEqual([
    expect.objectContaining({
      level: 'error',
      message: 'cannot start a deliverer',
      fields: { reason: 'spawn E2BIG' },
    }),
  ]);
});
