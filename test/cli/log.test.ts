import { afterEach, beforeEach, expect, test } from 'vitest';
import { environmentOf, eventually, type Sandbox } from '../support/command.ts';
import { messageNew, registration } from '../support/events.ts';
import { runIn, sandboxHere } from '../support/here.ts';
import { testSurroundings } from '../support/surroundings.ts';

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = sandboxHere('');
});
afterEach(() => sandbox.remove());

test('--follow tells what happens from now on, until Ctrl-C', async () => {
  await sandbox.run([], { input: registration() });
  const around = testSurroundings({ env: environmentOf(sandbox.configFile) });
  const exitCode = runIn(around, ['log', '--follow']);
  await eventually(
    async () => {
      await sandbox.run([], { input: messageNew('nobody') });
      return around.stdoutText();
    },
    (text) => text.includes('nobody'),
  );
  expect(around.stdoutText()).not.toContain('registered');
  expect(around.signal('SIGINT')).toBe(1);
  expect(around.signal('SIGINT')).toBe(0); // the next one ends the process
  expect(await exitCode).toBe(0);
});

test('--follow ends when nobody reads any more', async () => {
  await sandbox.run([], { input: registration() });
  const failing = { code: 'EPIPE', after: 0 } as const;
  const around = testSurroundings({ env: environmentOf(sandbox.configFile), failing });
  let exitCode: number | undefined;
  const ended = runIn(around, ['log', '--follow', '--json']).then((code) => (exitCode = code));
  await eventually(
    async () => {
      await sandbox.run([], { input: messageNew('nobody') });
      return exitCode;
    },
    (code) => code !== undefined,
  );
  expect(await ended).toBe(0);
});

test.each([
  [[], '', 'no entries; no event has arrived: look at `xapplepush check`\n'],
  [['--user', 'alice'], '', 'no entries; no device of alice has registered\n'],
  [['--user', 'Alice'], registration(), /alice/],
  [['--json', '--since', '1h'], '', ''],
])('without an entry it says why: %j', async (options, input, wanted) => {
  if (input !== '') await sandbox.run([], { input });
  else await sandbox.run(['flush']); // makes the database
  const { exitCode, stdout } = await sandbox.run(['log', ...options]);
  expect(exitCode).toBe(0);
  if (typeof wanted === 'string') expect(stdout).toBe(wanted);
  else expect(stdout).toMatch(wanted);
});

test('where no history is kept it says so', async () => {
  const none = sandboxHere('history: { max_entries: 0 }\n');
  const { stdout } = await none.run(['log', '--user', 'alice']);
  expect(stdout).toBe('no entries; history.max_entries is 0, so none are kept\n');
  none.remove();
});

test.each([
  ['--limit', '0'],
  ['--since', 'soon'],
])('%s %s is refused', async (option, value) => {
  expect(await sandbox.run(['log', option, value])).toMatchObject({ exitCode: 64, stdout: '' });
});
