import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { configFor, startTestApns, type TestApns } from '../support/apns.ts';
import { configure, createSandbox, eventually, type Sandbox } from '../support/command.ts';
import { messageNew, registration, tokenNumber } from '../support/events.ts';
import { startServe } from '../support/serve.ts';

/** Nobody listens there. */
const WRONG = 'https://127.0.0.1:9';

let apns: TestApns;
let sandbox: Sandbox;

beforeEach(async () => {
  apns = await startTestApns();
  sandbox = createSandbox('');
  write(WRONG);
  for (const n of [0, 1])
    await sandbox.notify(registration({ user: `user${n}`, apsDeviceToken: tokenNumber(n) }));
});
afterEach(async () => {
  sandbox.remove();
  await apns.close();
});

function write(server = apns.url.origin, linger = '10m'): void {
  configure(sandbox, `${configFor(apns).replace(apns.url.origin, server)}delivery: { linger: ${linger} }\n`);
}

/** A deliverer that fails with the wrong server. */
async function failing(): Promise<number> {
  await sandbox.notify(messageNew('user0'));
  await eventually(log, (text) => text.includes('ECONNREFUSED'));
  return sandbox.deliverers()[0]!;
}

const log = (): string => readFileSync(`${sandbox.dir}/log`, 'utf8');
const received = (count: number): Promise<unknown> =>
  eventually(
    () => new Set(apns.received.map(({ deviceToken }) => deviceToken)).size,
    (devices) => devices === count,
  );

test('a corrected configuration reaches whoever delivers with the next event', async () => {
  const old = await failing();
  expect((await sandbox.run(['status'])).stdout).toMatch(
    /^serve +not running: a deliverer has been at work since \S+ \(\d+ seconds? ago\)$/m,
  );
  write();
  await sandbox.notify(messageNew('user1'));
  await received(2);
  expect(sandbox.deliverers()).not.toContain(old);
});

test('and without one with the next attempt', async () => {
  const old = await failing();
  write();
  await received(1);
  expect(sandbox.deliverers()).not.toContain(old);
});

test('an event of another configuration file is sent with that', async () => {
  await failing();
  const other = `${sandbox.dir}/other.yaml`;
  writeFileSync(
    other,
    readFileSync(sandbox.configFile, 'utf8').replace(WRONG, apns.url.origin).replace('10m', '1s'),
  );
  const { exitCode } = await sandbox.run(['--config', other], { input: messageNew('user1') });
  expect(exitCode).toBe(0);
  await received(2);
});

test('a serve with an older configuration is told of, in the log and by status', async () => {
  const served = await startServe(sandbox);
  try {
    write();
    await eventually(log, (text) =>
      text.includes(`an older version of ${sandbox.configFile} than lies there`),
    );
    const { stdout } = await sandbox.run(['status', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ serveOutdated: [sandbox.configFile] });
    served.signal('SIGHUP');
    await eventually(
      async () => (await sandbox.run(['status', '--json'])).stdout,
      (text) => (JSON.parse(text) as { serveOutdated: string[] }).serveOutdated.length === 0,
    );
  } finally {
    await served.end('SIGTERM');
  }
});

test('of two serves the one that ends says nothing of the other', async () => {
  const [first, second] = [await startServe(sandbox), await startServe(sandbox)];
  try {
    expect(await first.end('SIGTERM')).toBe(0);
    const { stdout } = await sandbox.run(['status', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ serve: 'running' });
  } finally {
    expect(await second.end('SIGTERM')).toBe(0);
  }
  expect(JSON.parse((await sandbox.run(['status', '--json'])).stdout)).toMatchObject({
    serve: 'not running',
  });
});
