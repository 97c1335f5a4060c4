import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { environmentOf, type Sandbox } from '../support/command.ts';
import { here, runHere } from '../support/here.ts';
import { runInPipes, sandboxWithTargets } from '../targets/setup.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await sandboxWithTargets(3000);
});
afterAll(() => {
  sandbox.remove();
});
const inPipes = (line: string): ReturnType<typeof runInPipes> => runInPipes(sandbox, line);

describe('a reader that leaves', () => {
  const commands = [
    'targets list',
    'targets list --json',
    'targets show alice',
    'targets remove alice --dry-run',
    'prune --dry-run',
    'status',
    '--help',
  ];

  /** In this process, with an output that fails. */
  const failing = (command: string, code: 'EPIPE' | 'ENOSPC', after = 0): ReturnType<typeof runHere> =>
    runHere(command.split(' '), { env: environmentOf(sandbox.configFile), failing: { code, after } });

  test.each(commands)('is no fault of %s', async (command) => {
    expect(await failing(command, 'EPIPE', 1)).toEqual({
      stdout: expect.stringMatching(/^.+\n/) as string,
      stderr: '',
      exitCode: 0,
    });
    expect(await failing(command, 'EPIPE')).toEqual({ stdout: '', stderr: '', exitCode: 0 });
  });

  test('is one of a pipe too', async () => {
    const line = (reader: string): string => `xapplepush devices list | ${reader}; exit \${PIPESTATUS[0]}`;
    expect(await inPipes(line('head -1'))).toEqual({
      stdout: expect.stringMatching(/^.+\n$/) as string,
      stderr: '',
      exitCode: 0,
    });
    expect(await inPipes(line('true'))).toEqual({ stdout: '', stderr: '', exitCode: 0 });
  });

  test('does not keep a removal from being done', async () => {
    expect(await failing('targets remove user0900', 'EPIPE')).toMatchObject({ stderr: '', exitCode: 0 });
    const listed = await here(sandbox).run(['targets', 'list', '--user', 'user0900']);
    expect(listed.stdout).toBe('no devices\n');
  });

  const FULL = {
    stdout: '',
    stderr: expect.stringMatching(/^xapplepush: error: cannot write to standard output \(ENOSPC/) as string,
    exitCode: 75,
  };

  test('is told from a disk that is full', async () => {
    for (const command of ['targets list', 'targets show alice', 'status'])
      expect(await failing(command, 'ENOSPC')).toEqual(FULL);
    expect(await inPipes('xapplepush status > /dev/full')).toEqual(FULL);
  });
});
