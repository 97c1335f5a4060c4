import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { environmentOf, eventually, type Finished, type Sandbox, SHELL_COMMAND } from '../support/command.ts';
import { here, runHere, runIn } from '../support/here.ts';
import { testWithTools } from '../support/needs.ts';
import { testSurroundings } from '../support/surroundings.ts';
import { openTerminal, type Terminal } from '../support/terminal.ts';
import { runInPipes, sandboxWithTargets } from './setup.ts';

const TARGETS = 3000;
const TERMINAL = { columns: 100, rows: 20 };

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await sandboxWithTargets(TARGETS);
});
afterAll(() => {
  sandbox.remove();
});
const inPipes = (line: string): ReturnType<typeof runInPipes> => runInPipes(sandbox, line);

/** On a terminal of 20 rows. */
function onTerminal(args: string, env: Record<string, string> = {}): Terminal {
  const terminal = openTerminal(`${SHELL_COMMAND} ${args}`, {
    cwd: '/',
    env: { ...environmentOf(sandbox.configFile), ...env },
    rows: 20,
  });
  onTestFinished(() => {
    terminal.close();
  });
  return terminal;
}

describe('list in a pipe', () => {
  test('is complete, though its reader is slow, and without a count', async () => {
    const { stdout, exitCode } = await inPipes('xapplepush devices list | (sleep 1; cat)');
    expect(exitCode).toBe(0);
    expect(stdout.split('\n').filter((line) => /^(?:alice|user)/.test(line)).length).toBeGreaterThanOrEqual(
      TARGETS - 1,
    );
    expect(stdout).not.toContain(' devices');
  });

  test('is valid JSON', async () => {
    const { stdout } = await here(sandbox).run(['targets', 'list', '--json']);
    expect((JSON.parse(stdout) as unknown[]).length).toBeGreaterThanOrEqual(TARGETS - 1);
  });

  test.each([
    ['--sort name', '--sort is "name", expected one of user, renewed, registered, success, failures'],
    ['--stale soon', '--stale is "soon", expected a duration such as 10d'],
  ])('%s is refused', async (options, message) => {
    expect(await here(sandbox).run(['targets', 'list', ...options.split(' ')])).toMatchObject({
      stderr: expect.stringContaining(message) as string,
      exitCode: 64,
    });
  });
});

describe('list on a terminal', () => {
  test('goes through the pager where it is long, and ends with the count', async () => {
    const { output, exitCode } = await onTerminal('targets list', { PAGER: 'tail -n 2' }).ended;
    expect(exitCode).toBe(0);
    expect(output).toMatch(/^user2999 .*\r\n\d{4} devices\r\n$/);
  });

  /** The same terminal in this process. */
  function listedHere(args: string[], PAGER: string): Promise<Finished> {
    const env = { ...environmentOf(sandbox.configFile), PATH: '/usr/bin:/bin', PAGER };
    return runHere(['targets', 'list', ...args], { env, terminal: TERMINAL });
  }

  test('ends when the pager does', async () => {
    const file = join(sandbox.dir, 'paged');
    expect(await listedHere([], `head -n 1 > '${file}'`)).toEqual({ stdout: '', stderr: '', exitCode: 0 });
    expect(readFileSync(file, 'utf8')).toMatch(/^USER [^\n]*\n$/);
  });

  test('is shown as it is where it is short, or where there is no pager', async () => {
    const short = await listedHere(['--user', 'alice'], 'false');
    expect(short.stdout).toMatch(/^USER .*\n(?:alice .*\n){3}3 devices\n$/);
    for (const pager of ['', 'no-such-pager -x']) {
      const { stdout } = await listedHere([], pager);
      expect(stdout.split('\n').length).toBeGreaterThanOrEqual(TARGETS);
    }
  });

  testWithTools({ less: 'less' }, 'less shows the first screen, and q ends it', async () => {
    const terminal = onTerminal('targets list');
    await terminal.shows('alice');
    terminal.type('q');
    const { output, exitCode } = await terminal.ended;
    expect(exitCode).toBe(0);
    expect(output).not.toContain('user2999');
  });
});

describe('remove on a terminal', () => {
  /** Types the answer as soon as it is asked for, and gives the question and the end. */
  async function removed(args: string[], answer?: string): Promise<Finished> {
    const around = testSurroundings({ env: environmentOf(sandbox.configFile), terminal: TERMINAL });
    const ended = runIn(around, ['targets', 'remove', ...args]);
    if (answer !== undefined) {
      await eventually(around.stderrText, (text) => text.includes('[y/N]'));
      around.type(answer);
    }
    const exitCode = await ended;
    return { exitCode, stdout: around.stdoutText(), stderr: around.stderrText() };
  }

  test('shows what it would remove, and asks', async () => {
    const asked = await removed(['alice'], 'n\r');
    expect(asked).toMatchObject({
      stdout: expect.stringMatching(/alice[^]*nothing was removed/) as string,
      stderr: expect.stringContaining('Remove these 3 devices? [y/N]') as string,
      exitCode: 0,
    });
    expect(await removed(['alice'], 'y\r')).toMatchObject({
      stdout: expect.stringContaining('removed 3 devices') as string,
      exitCode: 0,
    });
    expect((await here(sandbox).run(['targets', 'list', '--user', 'alice'])).stdout).toBe('no devices\n');
  });

  test('never asks where the answer could not come from a person', async () => {
    const { output, exitCode } = await onTerminal('targets remove --account-id account < /dev/null').ended;
    expect(exitCode).toBe(64);
    expect(output).toContain('devices match, expected one');
  });
});
