import { spawn } from 'node:child_process';
import type { Config } from '../../src/config/config.ts';
import {
  createSandbox,
  environmentOf,
  type Finished,
  type Sandbox,
  SHELL_COMMAND,
} from '../support/command.ts';
import { tokenNumber } from '../support/events.ts';
import { NOW_MS, openTestStore, registered, testStore, type TestStore } from '../support/store.ts';

/** What the commands of targets need of the configuration. */
export function configFor(store: string): Config {
  const history = { maxAgeMs: 1000, maxEntries: 100 };
  return { store, history, users: { lowercase: true, domain: 'keep' } } as Config;
}

/** Two devices of alice, the second renewed later, and one of bob. */
export async function aliceAndBob(): Promise<TestStore> {
  const store = testStore();
  await registered(store);
  await registered(store, { deviceToken: tokenNumber(1) }, { nowMs: NOW_MS + 1000 });
  await registered(store, { user: 'bob' }, { nowMs: NOW_MS + 2000 });
  return store;
}

/** Changes the targets of a user. */
export function setTargets(store: TestStore, user: string, assignments: string): Promise<unknown> {
  return store.write((sql) => sql(`UPDATE targets SET ${assignments} WHERE user = ?`).run(user));
}

/** A sandbox with so many targets: three of alice, and one of each user0003, user0004 and so on. */
export async function sandboxWithTargets(count: number): Promise<Sandbox> {
  const sandbox = createSandbox('');
  const store = openTestStore(sandbox.store);
  await store.write((sql) => {
    const insert = sql(
      `INSERT INTO targets (user, device_token, account_id, subtopic, aps_version, topic, source, registered_ms, renewed_ms)
       VALUES (?, ?, 'account', 'com.apple.mobilemail', 2, 'topic', 'cyrus', 1, 2)`,
    );
    for (let n = 0; n < count; n += 1)
      insert.run(n < 3 ? 'alice' : `user${String(n).padStart(4, '0')}`, tokenNumber(n));
  });
  store.close();
  return sandbox;
}

/** Runs a line of bash, in which `xapplepush` is the command, with pipes for its output. */
export async function runInPipes(sandbox: Sandbox, line: string): Promise<Finished> {
  const child = spawn('/bin/bash', ['-c', line.replaceAll('xapplepush', SHELL_COMMAND)], {
    cwd: '/',
    env: { ...environmentOf(sandbox.configFile), PATH: '/usr/bin:/bin' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr]: [string[], string[]] = [[], []];
  child.stdout.setEncoding('utf8').on('data', (text: string) => stdout.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => stderr.push(text));
  const exitCode = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { stdout: stdout.join(''), stderr: stderr.join(''), exitCode };
}
