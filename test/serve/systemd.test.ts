import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { serviceManager } from '../../src/serve/systemd.ts';
import { createTestClock } from '../support/clock.ts';
import { describeWithTools } from '../support/needs.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { temporaryFolder } from '../support/store.ts';

const LISTENER = fileURLToPath(new URL('../support/notify-socket.py', import.meta.url));

/** What sends, and what listens in its place. */
const SYSTEMD = { 'systemd-notify': 'systemd', python3: 'python3' };

interface NotifySocket {
  path: string;
  /** The next message, barriers left out. */
  next: () => Promise<string>;
}

/** Stands for systemd, until the running test ends. */
async function notifySocket(): Promise<NotifySocket> {
  const path = join(temporaryFolder(), 'notify');
  const child = spawn('python3', [LISTENER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill());
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const line = await lines.next();
    const message = JSON.parse(String(line.value)) as string;
    return message === 'BARRIER=1' ? next() : message;
  };
  expect(await next()).toBe('listening');
  return { path, next };
}

function managerFor(
  environment: NodeJS.ProcessEnv,
  clock = createTestClock(),
): ReturnType<typeof serviceManager> & { log: ReturnType<typeof recordedLog> } {
  const log = recordedLog();
  return { ...serviceManager({ environment, clock, log }), log };
}

describeWithTools(SYSTEMD, 'systemd is told', () => {
  test('of start-up, reload and end', async () => {
    const { path, next } = await notifySocket();
    const { ready, status, reloading, stopping, log } = managerFor({
      PATH: process.env['PATH'],
      NOTIFY_SOCKET: path,
    });
    await ready();
    expect(await next()).toBe('READY=1');
    await status('no push is sent:\nREADY=0');
    expect(await next()).toBe('STATUS=no push is sent:; READY=0');
    await reloading();
    expect(await next()).toMatch(/^RELOADING=1\nMONOTONIC_USEC=\d+$/m);
    await ready();
    expect(await next()).toBe('READY=1');
    await stopping();
    expect(await next()).toBe('STOPPING=1');
    expect(log.entries).toEqual([]);
  });

  test('with a status that a shell would take for more', async () => {
    const { path, next } = await notifySocket();
    const status = `$(id) "'; \`id\` --ready`;
    await managerFor({ PATH: process.env['PATH'], NOTIFY_SOCKET: path }).status(status);
    expect((await next()).split('\n')).toContain(`STATUS=${status}`);
  });
});

describeWithTools(SYSTEMD, 'the watchdog', () => {
  const environment = {
    PATH: process.env['PATH'],
    WATCHDOG_USEC: '60000000',
    WATCHDOG_PID: `${process.pid}`,
  };

  test('hears of us twice in its time, while all is well', async () => {
    const { path, next } = await notifySocket();
    const clock = createTestClock();
    const manager = managerFor({ ...environment, NOTIFY_SOCKET: path }, clock);
    const end = new AbortController();
    let well = true;
    let asked = 0;
    const isWell = (): boolean => {
      asked += 1;
      return well;
    };
    const watching = manager.watch(isWell, end.signal);
    for (let beat = 1; beat <= 3; beat += 1) {
      expect(await next()).toBe('WATCHDOG=1');
      expect(await clock.asleep()).toBe(30_000);
      clock.advance(30_000);
    }
    expect(await next()).toBe('WATCHDOG=1');
    well = false;
    await clock.asleep();
    clock.advance(30_000);
    await clock.asleep();
    expect(asked).toBe(5);
    end.abort();
    await watching;
    await manager.stopping();
    expect(await next()).toBe('STOPPING=1'); // and no beat in between
  });

  test.each([
    ['none is asked for', { WATCHDOG_USEC: undefined }],
    ['it is for another process', { WATCHDOG_PID: '1' }],
    ['its time is nonsense', { WATCHDOG_USEC: 'soon' }],
    ['its time is 0', { WATCHDOG_USEC: '0' }],
  ])('%s: nothing is sent', async (_, changes) => {
    const { path, next } = await notifySocket();
    const manager = managerFor({ ...environment, NOTIFY_SOCKET: path, ...changes });
    await manager.watch(() => true, new AbortController().signal);
    await manager.ready();
    expect(await next()).toBe('READY=1');
  });
});

describe('without systemd', () => {
  /** A folder with a systemd-notify that notes its arguments, then does this. */
  function fakeCommand(action: string): { PATH: string; calls: () => string[] } {
    const folder = temporaryFolder();
    const calls = join(folder, 'calls');
    writeFileSync(join(folder, 'systemd-notify'), `#!/bin/sh\necho "$*" >>'${calls}'\n${action}\n`, {
      mode: 0o755,
    });
    return {
      PATH: `${folder}:/usr/bin:/bin`,
      calls: () => (existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : []),
    };
  }

  test.each([undefined, ''])('no command is run where NOTIFY_SOCKET is %j', async (NOTIFY_SOCKET) => {
    const { PATH, calls } = fakeCommand('exit 0');
    const manager = managerFor({ PATH, NOTIFY_SOCKET, WATCHDOG_USEC: '1000000' });
    await manager.ready();
    await manager.reloading();
    await manager.stopping();
    expect(calls()).toEqual([]);
  });

  test('a command that fails is told of once in a row, and throws nothing', async () => {
    const { PATH, calls } = fakeCommand('[ -e "$NOTIFY_SOCKET" ]');
    const socket = join(temporaryFolder(), 'notify');
    const { ready, stopping, log } = managerFor({ PATH, NOTIFY_SOCKET: socket });
    await ready();
    await ready();
    expect(log.messages('warn')).toEqual(['systemd is not told']);
    writeFileSync(socket, '');
    await stopping();
    expect(calls()).toEqual(['READY=1', 'READY=1', 'STOPPING=1']);
    expect(log.entries).toHaveLength(1);
  });

  test('a command that is missing is told of', async () => {
    const { ready, log } = managerFor({ PATH: temporaryFolder(), NOTIFY_SOCKET: '/nowhere' });
    await ready();
    expect(log.entries).toMatchObject([{ level: 'warn', fields: { reason: 'spawn systemd-notify ENOENT' } }]);
  });
});
