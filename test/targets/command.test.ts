import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { SHELL_COMMAND, environmentOf, type Sandbox } from '../support/command.ts';
import { testWithTools } from '../support/needs.ts';
import { openTerminal, type Terminal } from '../support/terminal.ts';
import { runInPipes, sandboxWithTargets } from './setup.ts';

const TARGETS = 3000;

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
    const { stdout, exitCode } = await inPipes('xapplepush targets list | (sleep 1; cat)');
    expect(exitCode).toBe(0);
    expect(stdout.split('\n').filter((line) => /^(?:alice|user)/.test(line)).length).toBeGreaterThanOrEqual(
      TARGETS - 1,
    );
    expect(stdout).not.toContain(' targets');
  });

  test('is valid JSON', async () => {
    const { stdout } = await inPipes('xapplepush targets list --json | (sleep 1; cat)');
    expect((JSON.parse(stdout) as unknown[]).length).toBeGreaterThanOrEqual(TARGETS - 1);
  });

  test.each([
    ['--sort name', '--sort is "name", expected one of user, renewed, registered, success, failures'],
    ['--stale soon', '--stale is "soon", expected a duration such as 10d'],
  ])('%s is refused', async (options, message) => {
    expect(await inPipes(`xapplepush targets list ${options}`)).toMatchObject({
      stderr: expect.stringContaining(message) as string,
      exitCode: 64,
    });
  });
});

describe('list on a terminal', () => {
  test('goes through the pager where it is long, and ends with the count', async () => {
    const { output, exitCode } = await onTerminal('targets list', { PAGER: 'tail -n 2' }).ended;
    expect(exitCode).toBe(0);
    expect(output).toMatch(/^user2999 .*\r\n\d{4} targets\r\n$/);
  });

  test('ends when the pager does', async () => {
    const { output, exitCode } = await onTerminal('targets list', { PAGER: 'head -n 1' }).ended;
    expect(exitCode).toBe(0);
    expect(output).toMatch(/^USER [^\n]*\n$/);
  });

  test('is shown as it is where it is short, or where there is no pager', async () => {
    const short = await onTerminal('targets list --user alice', { PAGER: 'false' }).ended;
    expect(short.output).toMatch(/^USER .*\r\n(?:alice .*\r\n){3}3 targets\r\n$/);
    for (const pager of ['', 'no-such-pager -x']) {
      const { output } = await onTerminal('targets list', { PAGER: pager }).ended;
      expect(output.split('\r\n').length).toBeGreaterThanOrEqual(TARGETS);
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
  test('shows what it would remove, and asks', async () => {
    const asked = onTerminal('targets remove alice');
    await asked.shows('Remove these 3 targets? [y/N]');
    asked.type('n\r');
    expect(await asked.ended).toMatchObject({
      output: expect.stringContaining('nothing was removed') as string,
      exitCode: 0,
    });
    const again = onTerminal('targets remove alice');
    await again.shows('[y/N]');
    again.type('y\r');
    expect(await again.ended).toMatchObject({
      output: expect.stringContaining('removed 3 targets') as string,
      exitCode: 0,
    });
    expect((await inPipes('xapplepush targets list --user alice')).stdout).toBe('no targets\n');
  });

  test('never asks where the answer could not come from a person', async () => {
    const { output, exitCode } = await onTerminal('targets remove --account-id account < /dev/null').ended;
    expect(exitCode).toBe(64);
    expect(output).toContain('targets match, expected one');
  });
});
