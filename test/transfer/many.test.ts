import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { HEADER_LINE, targetLine } from '../../src/transfer/target-line.ts';
import {
  COMMAND,
  createSandbox,
  environmentOf,
  eventually,
  type Finished,
  type Sandbox,
  SHELL_COMMAND,
} from '../support/command.ts';
import { registration, tokenNumber } from '../support/events.ts';
import { NOW_MS, rowsOf } from '../support/store.ts';
import { openTerminal } from '../support/terminal.ts';
import { exportedTarget } from './targets.ts';

const YAML =
  'users: { lowercase: false }\ntargets: { max_per_user: 3 }\napns: { topic: com.apple.mail.XServer.test }\n';

let [here, there]: Sandbox[] = [];
beforeEach(() => {
  [here, there] = [createSandbox(YAML), createSandbox(YAML)];
});
afterEach(() => {
  here!.remove();
  there!.remove();
});

function run(...args: string[]): Promise<Finished> {
  return here!.run(['targets', ...args]);
}

async function rows(query: string): Promise<Record<string, unknown>[]> {
  const store = openStore(here!.store, { create: false });
  return rowsOf(store, query).finally(() => store.close());
}

/** An export of so many targets of so many users, a second apart. */
function manyLines(count: number): string {
  const lines = Array.from({ length: count }, (_, index) =>
    targetLine(
      exportedTarget({
        user: `user${index}`,
        deviceToken: tokenNumber(index),
        renewedMs: NOW_MS + index,
        subscriptions: ['Archive', 'INBOX', 'Trash'].map((path) => ({
          owner: `user${index}`,
          path,
          name: path,
          hash: undefined,
        })),
      }),
    ),
  );
  return HEADER_LINE + lines.join('');
}

const LONG_MS = 180_000;

test('40,000 targets on a terminal: it shows how far it is', { timeout: LONG_MS }, async () => {
  const file = join(here!.dir, 'many.jsonl');
  writeFileSync(file, manyLines(40_000));
  const env = environmentOf(here!.configFile);
  const { output, exitCode } = await openTerminal(`${SHELL_COMMAND} targets import ${file}`, {
    cwd: here!.dir,
    env,
  }).ended;
  expect(exitCode).toBe(0);
  const shown = [...output.matchAll(/\r(\d+) devices, (\d+) %, \d+ a second/g)].map(([, done, percent]) => [
    Number(done),
    Number(percent),
  ]);
  expect(shown.length).toBeGreaterThan(2);
  expect(shown).toEqual([...shown].sort(([a = 0], [b = 0]) => a - b));
  for (const [done = 0, percent = 0] of shown) expect(Math.abs(percent - done / 400)).toBeLessThan(3);
  expect(output).toMatch(/\r +\rtaken 40000, renewed 0, unchanged 0, skipped 0\r\n$/);
  expect(
    await rows(
      'SELECT count(*) AS targets, (SELECT count(*) FROM subscriptions) AS subscriptions FROM targets',
    ),
  ).toEqual([{ targets: 40_000, subscriptions: 120_000 }]);
});

/** Starts an import of so many, and resolves when it has taken some. */
async function begun(count: number): Promise<{ pid: number; ended: Promise<unknown> }> {
  openStore(here!.store, { create: true }).close();
  const file = join(here!.dir, 'many.jsonl');
  writeFileSync(file, manyLines(count));
  const child = spawn(
    process.execPath,
    [COMMAND.replace(/bin\/xapplepush$/, 'dist/main.cjs'), 'targets', 'import', file],
    {
      env: environmentOf(here!.configFile),
      stdio: 'ignore',
    },
  );
  const ended = once(child, 'close');
  await eventually(countOfTargets, (targets) => targets > 0);
  return { pid: child.pid!, ended };
}

async function countOfTargets(): Promise<number> {
  const [row] = await rows('SELECT count(*) AS targets FROM targets');
  return Number(row?.['targets']);
}

test(
  'killed in the midst: whole targets only, and the same command completes it',
  { timeout: LONG_MS },
  async () => {
    const { pid, ended } = await begun(20_000);
    process.kill(pid, 'SIGKILL');
    expect(await ended).toEqual([null, 'SIGKILL']);
    const before = await countOfTargets();
    expect(before).toBeLessThan(20_000);
    expect(await rows('SELECT target_id FROM subscriptions GROUP BY target_id HAVING count(*) <> 3')).toEqual(
      [],
    );
    expect(await rows('SELECT count(DISTINCT target_id) AS whole FROM subscriptions')).toEqual([
      { whole: before },
    ]);
    const file = join(here!.dir, 'many.jsonl');
    expect((await run('import', file)).stdout).toBe(
      `taken ${20_000 - before}, renewed 0, unchanged ${before}, skipped 0\n`,
    );
    expect((await run('export')).stdout).toBe((await sorted(file)).toString());
  },
);

/** The lines of an export by user. */
async function sorted(file: string): Promise<Buffer> {
  expect(await there!.run(['targets', 'import', file])).toMatchObject({ exitCode: 0 });
  return Buffer.from((await there!.run(['targets', 'export'])).stdout);
}

test(
  'devices that register meanwhile get through, and are not overwritten',
  { timeout: LONG_MS },
  async () => {
    const { ended } = await begun(20_000);
    const indexes = [19_999, 19_998, 0, 1];
    for (const index of indexes) {
      const [user, apsDeviceToken] = [`user${index}`, tokenNumber(index)];
      const event = registration({ user, apsDeviceToken, mailboxes: ['INBOX'] });
      expect(await here!.notify(event)).toMatchObject({ exitCode: 0 });
      // The end of the file is not reached yet: it will meet a newer registration.
      if (index === indexes[0]) expect(await countOfTargets()).toBeLessThan(20_000);
    }
    await ended;
    expect(existsSync(here!.spool)).toBe(false);
    expect(await countOfTargets()).toBe(20_000);
    const registered = await rows(
      `SELECT user, count(*) AS mailboxes FROM targets JOIN subscriptions ON target_id = id
     WHERE renewed_ms > ${Date.now() - 3600_000} GROUP BY user ORDER BY user`,
    );
    expect(registered).toEqual(
      ['user0', 'user1', 'user19998', 'user19999'].map((user) => ({ user, mailboxes: 1 })),
    );
  },
);
