import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeSpool } from '../../src/spool/spool.ts';
import { configFor, startTestApns, type TestApns } from '../support/apns.ts';
import { configure, eventually, type Sandbox } from '../support/command.ts';
import { messageNew, registration } from '../support/events.ts';
import { runHere, runIn, sandboxHere } from '../support/here.ts';
import { testSurroundings } from '../support/surroundings.ts';

let apns: TestApns;
let sandbox: Sandbox;
beforeEach(async () => {
  apns = await startTestApns();
  sandbox = sandboxHere('');
  linger('0s');
  writeSpool(sandbox.spool, Buffer.from(registration()), Date.now());
  writeSpool(sandbox.spool, Buffer.from(messageNew()), Date.now() + 1);
});
afterEach(async () => {
  sandbox.remove();
  await apns.close();
});

const linger = (time: string): void =>
  configure(sandbox, `${configFor(apns)}delivery: { linger: ${time} }\n`);
const deliverer = (): string[] => ['deliverer', '--config', sandbox.configFile];

test('a deliverer takes the spool, sends what is due and ends by itself', async () => {
  expect(await runHere(deliverer())).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  expect(apns.received).toHaveLength(1);
});

test('one that lingers ends with SIGTERM', async () => {
  linger('10m');
  const around = testSurroundings();
  const ended = runIn(around, deliverer());
  await apns.pushes(1);
  await eventually(
    () => around.signal('SIGTERM'),
    (heard) => heard > 0,
  );
  expect(await ended).toBe(0);
  expect(around.signal('SIGTERM')).toBe(0);
});

test('what keeps it from its work is in the log', async () => {
  writeFileSync(sandbox.store, 'no database '.repeat(100));
  expect(await runHere(deliverer())).toMatchObject({ exitCode: 75 });
  expect(readFileSync(`${sandbox.dir}/log`, 'utf8')).toContain('"level":"error"');
});

test('without a configuration it can use it ends with that error', async () => {
  writeFileSync(sandbox.configFile, 'unknown: 1\n');
  expect(await runHere(deliverer())).toMatchObject({
    exitCode: 78,
    stderr: expect.stringContaining('unknown') as string,
  });
});
