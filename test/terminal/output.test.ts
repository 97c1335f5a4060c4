import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Sandbox } from '../support/command.ts';
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

  test.each(commands)('is no fault of %s', async (command) => {
    const line = (reader: string): string => `xapplepush ${command} | ${reader}; exit \${PIPESTATUS[0]}`;
    expect(await inPipes(line('head -1'))).toEqual({
      stdout: expect.stringMatching(/^.+\n$/) as string,
      stderr: '',
      exitCode: 0,
    });
    expect(await inPipes(line('true'))).toEqual({ stdout: '', stderr: '', exitCode: 0 });
  });

  test('does not keep a removal from being done', async () => {
    const line = 'xapplepush targets remove user0900 | true; exit ${PIPESTATUS[0]}';
    expect(await inPipes(line)).toMatchObject({ stderr: '', exitCode: 0 });
    expect((await inPipes('xapplepush targets list --user user0900')).stdout).toBe('no targets\n');
  });

  test('is told from a disk that is full', async () => {
    for (const command of ['targets list', 'targets show alice', 'status'])
      expect(await inPipes(`xapplepush ${command} > /dev/full`)).toEqual({
        stdout: '',
        stderr: expect.stringMatching(
          /^xapplepush: error: cannot write to standard output \(ENOSPC/,
        ) as string,
        exitCode: 75,
      });
  });
});
