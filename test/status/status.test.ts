import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeSpool } from '../../src/spool/spool.ts';
import type { StatusJson as Status } from '../../src/status/json.ts';
import { configFor, startTestApns, type TestApns } from '../support/apns.ts';
import { configure, eventually, type Sandbox } from '../support/command.ts';
import { messageNew, registration, tokenNumber } from '../support/events.ts';
import { sandboxHere, serveHere } from '../support/here.ts';

let apns: TestApns;
let sandbox: Sandbox;

beforeEach(async () => {
  apns = await startTestApns();
  sandbox = sandboxHere('');
  configure(sandbox, configFor(apns));
});
afterEach(async () => {
  sandbox.remove();
  await apns.close();
});

async function status(): Promise<Status> {
  const { exitCode, stdout } = await sandbox.run(['status', '--json']);
  expect(exitCode).toBe(0);
  return JSON.parse(stdout) as Status;
}

test('tells what is there, what came through and what waits', async () => {
  const devices = [0, 1].map((n) => registration({ user: `user${n}`, apsDeviceToken: tokenNumber(n) }));
  await sandbox.run([], { input: devices.join('') });
  expect(await status()).toMatchObject({
    targets: 2,
    users: 2,
    renewedToday: 2,
    waiting: 0,
    oldestWaiting: null,
    lastSuccess: null,
    lastFailure: null,
    spool: { waiting: 0, bad: 0 },
    certificates: [{ topic: apns.topic, warning: null, problems: [] }],
    serve: 'not running',
  });
  await sandbox.run(['--wait'], { input: messageNew('user0') });
  apns.setAnswers('*', ['503']);
  configure(sandbox, `${configFor(apns)}delivery: { deadline: 1s }\n`);
  await sandbox.run(['--wait'], { input: messageNew('user1') });
  const later = await status();
  expect(later).toMatchObject({ waiting: 1, lastFailure: { reason: 'ServiceUnavailable' } });
  expect(later.lastSuccess).toMatch(/^\d{4}-.*Z$/);
  expect(later.oldestWaiting).toMatch(/^\d{4}-.*Z$/);
});

test('counts the files of the spool, bad ones apart', async () => {
  await sandbox.run([], { input: registration() });
  writeSpool(sandbox.spool, Buffer.from(messageNew()), Date.now());
  mkdirSync(join(sandbox.spool, 'bad'));
  for (const name of ['a.json', 'a.json.reason']) writeFileSync(join(sandbox.spool, 'bad', name), '');
  expect((await status()).spool).toMatchObject({ waiting: 1, bad: 1 });
});

test('tells of a certificate that cannot be used, and of a serve that runs', async () => {
  const served = await serveHere(sandbox);
  writeFileSync(apns.files.clientCertificate, 'no certificate');
  const stdout = await eventually(
    async () => (await sandbox.run(['status'])).stdout,
    (text) => /^serve +running since \S+ \(\d+ \w+ ago\)$/m.test(text),
  );
  expect(stdout).toMatch(/^certificate +.*client\.pem/m);
  expect(await served.end('SIGTERM')).toBe(0);
  expect((await status()).serve).toBe('not running');
});
