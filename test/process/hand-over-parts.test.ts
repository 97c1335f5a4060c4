import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ExitCode } from '../../src/process/errors.ts';
import {
  commandAs,
  endedInstead,
  handDown,
  HandedOver,
  openAsCaller,
  takeOpened,
} from '../../src/process/hand-over.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'xapplepush-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function shell(script: string): HandedOver {
  return new HandedOver(spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] }));
}

describe('the command line that becomes another user', () => {
  test('takes on all groups of a user with a name', () => {
    expect(commandAs({ uid: 65534, gid: 65534 }, ['true'])).toEqual([
      ...['setpriv', '--reuid', '65534', '--regid', '65534', '--init-groups'],
      ...['--pdeathsig', 'KILL', '--', 'true'],
    ]);
  });

  test('takes on its one group for a number without a name', () => {
    expect(commandAs({ uid: 54321, gid: 54322 }, ['true', '-x'])).toEqual([
      ...['setpriv', '--reuid', '54321', '--regid', '54322', '--groups', '54322'],
      ...['--pdeathsig', 'KILL', '--', 'true', '-x'],
    ]);
  });
});

describe('files that are opened before', () => {
  test('go on as descriptors, by name, in the order in which they were opened', () => {
    const [data, config] = ['data', 'config'].map((name) => join(folder, name));
    for (const file of [data, config]) writeFileSync(file ?? '', file ?? '');
    openAsCaller(data ?? '');
    const { env, files } = handDown(config, 7);
    expect(JSON.parse(env['XAPPLEPUSH_OPENED_FILES'] ?? '')).toEqual({ [data ?? '']: 7, [config ?? '']: 8 });
    expect(files.map((fd) => readFileSync(fd, 'utf8'))).toEqual([data, config]);
    for (const fd of files) closeSync(fd);
  });

  test('one that nobody has opened is none', () => {
    expect(takeOpened(join(folder, 'data'))).toBeUndefined();
  });

  test('one that cannot be opened throws what the system says', () => {
    expect(() => openAsCaller(join(folder, 'none'))).toThrow(/ENOENT/);
  });
});

describe('while another process goes on', () => {
  test('its exit code becomes ours', async () => {
    expect(await endedInstead(shell('exit 65'))).toBe(65);
  });

  test('a signal is passed on, and nobody listens for it afterwards', async () => {
    const before = process.listenerCount('SIGHUP');
    const handed = shell('trap "exit 7" HUP; echo ready; while :; do sleep 0.05; done');
    await once(handed.child.stdout ?? handed.child, 'data');
    const end = endedInstead(handed);
    process.emit('SIGHUP', 'SIGHUP');
    expect(await end).toBe(7);
    expect(process.listenerCount('SIGHUP')).toBe(before);
  });

  test('one that does not start says what to install', async () => {
    const before = process.listenerCount('SIGTERM');
    const handed = new HandedOver(spawn(join(folder, 'none')));
    await expect(endedInstead(handed)).rejects.toMatchObject({
      message: expect.stringMatching(
        /^cannot act as another user: setpriv does not start \(.*ENOENT\)$/,
      ) as string,
      hint: 'install util-linux, or run the command as the user that owns the database',
      exitCode: ExitCode.configuration,
    });
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });
});
