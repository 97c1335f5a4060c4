import { afterEach, beforeEach, expect, test } from 'vitest';
import { environmentOf, type Sandbox } from '../support/command.ts';
import { registration, tokenNumber } from '../support/events.ts';
import { runIn, sandboxHere } from '../support/here.ts';
import { testSurroundings, type TestSurroundings } from '../support/surroundings.ts';
import { openTestStore, registered, rowsOf } from '../support/store.ts';
import { createTestClock } from '../support/clock.ts';

const DAY_MS = 86_400_000;

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = sandboxHere('');
  await sandbox.run([], { input: registration() });
  const store = openTestStore(sandbox.store);
  for (const n of [1, 2])
    await registered(store, { user: 'bob', deviceToken: tokenNumber(n) }, { nowMs: Date.now() + 5 * DAY_MS });
  store.close();
});
afterEach(() => sandbox.remove());

/** Five days after alice's device has registered, and bob's now; prune.older_than is ten. */
async function prunedOnATerminal(answer: string, ...options: string[]): Promise<TestSurroundings> {
  const around = testSurroundings({
    env: environmentOf(sandbox.configFile),
    clock: createTestClock(Date.now() + 5 * DAY_MS),
    terminal: { columns: 100, rows: 30 },
  });
  if (answer !== '') around.type(answer);
  expect(await runIn(around, ['prune', ...options])).toBe(0);
  return around;
}

async function devices(): Promise<number> {
  return (await rowsOf({ file: sandbox.store }, "SELECT id FROM targets WHERE user = 'alice'")).length;
}

test('what prune.older_than would keep goes when a person agrees', async () => {
  const refused = await prunedOnATerminal('n\n', '--older-than', '3d');
  expect(refused.stdoutText()).toMatch(/^would remove 1 device .*\nUSER [^]*nothing was removed\n$/);
  expect(refused.stderrText()).toContain('Remove 1 device? [y/N]');
  expect(await devices()).toBe(1);
  const agreed = await prunedOnATerminal('y\n', '--older-than', '3d');
  expect(agreed.stdoutText()).toContain('\nremoved 1 device ');
  expect(await devices()).toBe(0);
});

test.each(['--older-than 3d --force', '--older-than 3d --dry-run', '--older-than 10d', ''])(
  'without a question: %j',
  async (line) => {
    const options = line.split(' ').filter(Boolean);
    const { stderrText } = await prunedOnATerminal('', ...options);
    expect(stderrText()).not.toContain('[y/N]');
    expect(await devices()).toBe(options.includes('--force') ? 0 : 1);
  },
);

test.each([
  ['in a pipe', {}, []],
  ['on a terminal as JSON', { terminal: { columns: 100, rows: 30 } }, ['--json']],
])(
  'what prune.older_than would keep stays without --force where nobody can be asked: %s',
  async (_, where, more) => {
    const around = testSurroundings({
      env: environmentOf(sandbox.configFile),
      clock: createTestClock(Date.now() + 5 * DAY_MS),
      ...where,
    });
    expect(await runIn(around, ['prune', '--older-than', '3d', ...more])).toBe(64);
    expect(around.stderrText()).toMatch(
      /^xapplepush: error: --older-than is 3d, expected prune.older_than, 10d, or more/,
    );
    expect(around.stderrText()).toMatch(/^xapplepush: hint: .*--force/m);
    expect(await devices()).toBe(1);
  },
);
