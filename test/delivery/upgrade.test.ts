import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { configFor, startTestApns, type TestApns } from '../support/apns.ts';
import { type Builds, buildsIn } from '../support/builds.ts';
import {
  configure,
  createSandbox,
  environmentOf,
  eventually,
  NOTIFYD_ARGUMENTS,
  type Sandbox,
} from '../support/command.ts';
import { messageNew, registration } from '../support/events.ts';
import { forget } from '../support/pushes.ts';

const apns: TestApns = await startTestApns();
afterAll(() => apns.close());

let folder: string;
let builds: Builds;
let sandbox: Sandbox;
let oldBuild: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'xapplepush-builds-'));
  builds = buildsIn(folder);
  return () => rmSync(folder, { recursive: true });
});

beforeEach(async () => {
  forget(apns);
  oldBuild = builds.install('old');
  sandbox = createSandbox('');
  onTestFinished(() => sandbox.remove());
  configure(sandbox, `${configFor(apns)}delivery: { linger: 10m, throttle: 0s }\n`);
  await notify(registration());
});

/** As notifyd does, with the build that lies there now. */
async function notify(event: string): Promise<void> {
  const env = environmentOf(sandbox.configFile);
  const handler = promisify(execFile)(builds.command, NOTIFYD_ARGUMENTS, { env, cwd: '/' });
  handler.child.stdin?.end(event);
  await handler;
}

/** The builds whose deliverers have a doorbell. */
function doorbells(): string[] {
  const names = readdirSync(sandbox.dir).filter((name) => name.includes('.doorbell.'));
  return names.map((name) => name.slice(name.lastIndexOf('.') + 1));
}

function logged(message: RegExp): { pid: number; other?: string; changed?: string }[] {
  const lines = readFileSync(join(sandbox.dir, 'log'), 'utf8').trim().split('\n');
  const entries = lines.map((line) => JSON.parse(line) as { msg: string; pid: number });
  return entries.filter(({ msg }) => message.test(msg));
}

test('after an upgrade a handler does not ring at the old deliverer, and one of its own build sends', async () => {
  await notify(messageNew());
  await apns.pushes(1);
  const [old = 0, ...more] = sandbox.deliverers();
  expect(more).toEqual([]);
  expect(doorbells()).toEqual([oldBuild]);

  const newBuild = builds.install('new');
  expect(newBuild).not.toBe(oldBuild);
  await notify(messageNew());
  await apns.pushes(2);
  // The old one and the handler may both have started a successor; one of them finds the other, and ends.
  const [successor] = await eventually(
    () => sandbox.deliverers(),
    (pids) => pids.length === 1 && !pids.includes(old),
  );
  expect(doorbells()).toEqual([newBuild]);
  expect(logged(/makes way/)).toMatchObject([{ pid: old, other: 'program' }]);
  await eventually(
    () => logged(/^delivered/).map(({ pid }) => pid),
    (pids) => pids.length === 2 && pids[0] === old && pids[1] === successor,
  );

  // From now on they are of one build: the same deliverer is rung.
  await notify(messageNew());
  await apns.pushes(3);
  expect(sandbox.deliverers()).toEqual([successor]);
}, 300_000);

test('a deliverer that waits for its next attempt leaves it to one of the new build', async () => {
  apns.setAnswers('*', ['503']);
  await notify(messageNew());
  await apns.pushes(1);
  const [old = 0] = sandbox.deliverers();
  const newBuild = builds.install('new');
  apns.setAnswers('*', ['200']);
  const [delivered] = await eventually(
    () => logged(/^delivered/),
    (entries) => entries.length === 1,
  );
  expect(sandbox.deliverers()).toEqual([delivered?.pid]);
  expect(delivered?.pid).not.toBe(old);
  expect(doorbells()).toEqual([newBuild]);
  expect(logged(/has changed/)).toMatchObject([{ pid: old, changed: 'the program' }]);
}, 300_000);
