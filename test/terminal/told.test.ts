import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { tellOn } from '../../src/terminal/told.ts';
import { createSandbox, environmentOf, type Sandbox, SHELL_COMMAND } from '../support/command.ts';
import { openTerminal } from '../support/terminal.ts';

let sandbox: Sandbox;

beforeEach(() => {
  sandbox = createSandbox('');
});
afterEach(() => {
  sandbox.remove();
});

/** What a line of shell shows on a terminal of 60 columns. */
async function shown(line: string): Promise<string> {
  const terminal = openTerminal(line, {
    cwd: sandbox.dir,
    env: environmentOf(sandbox.configFile),
    columns: 60,
  });
  onTestFinished(() => {
    terminal.close();
  });
  const { output } = await terminal.ended;
  return output.replaceAll('\r\n', '\n');
}

test.each([
  ['a command', 'log --since bla'],
  ['an event', '< /dev/null'],
])('on a terminal the error of %s is folded, and its commands stay whole', async (_what, args) => {
  const text = await shown(`${SHELL_COMMAND} ${args}`);
  const lines = text.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^xapplepush: error: /);
  expect(lines.length).toBeGreaterThan(2);
  expect(lines.filter((line) => line.length > 60)).toEqual([]);
  expect(lines.filter((line) => !/^(xapplepush: | {2})/.test(line))).toEqual([]);
});

test('elsewhere it is a line', async () => {
  expect(await shown(`${SHELL_COMMAND} log --since bla 2>&1 | cat`)).toMatch(
    /^xapplepush: error: [^\n]+\nxapplepush: hint: [^\n]+\n$/,
  );
});

test.each([undefined, 0])('on a terminal of %s columns too', (columns) => {
  const told: string[] = [];
  tellOn(columns === undefined ? {} : { columns }, (text) => told.push(text))(`${'word '.repeat(50)}\n`);
  expect(told).toEqual([`${'word '.repeat(50)}\n`]);
});
