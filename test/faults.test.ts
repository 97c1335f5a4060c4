import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { configFor, startTestApns, type TestApns } from './support/apns.ts';
import { forget } from './support/pushes.ts';
import { configure as writeConfig, type Sandbox } from './support/command.ts';
import { range, registerUsers, restartable, tokensOf, waitingIn } from './support/faults.ts';
import { messageNew, registration, tokenNumber } from './support/events.ts';
import { sandboxHere } from './support/here.ts';

let apns: TestApns;
let sandbox: Sandbox;

beforeEach(async () => {
  apns = await startTestApns();
  sandbox = sandboxHere(configFor(apns));
});
afterEach(async () => {
  sandbox.remove();
  await apns.close();
});

/** Gives the sandbox this configuration for deliveries. */
function configure(delivery: string): void {
  writeConfig(sandbox, `${configFor(apns)}delivery: ${delivery}\n`);
}

describe('Apple', () => {
  test('down at the first attempt and up at the next handle: both pushes are sent', async () => {
    const restart = await restartable({ sandbox, apns }, (started) => (apns = started));
    configure('{ deadline: 1s }');
    await registerUsers(sandbox, 2);
    await apns.close();
    const failed = await sandbox.run(['--wait'], { input: messageNew('user0') });
    expect(failed.exitCode).toBe(69);
    expect(failed.stderr).toMatch(/error: 1 push still waits: .*ECONNREFUSED.*\n.*hint: nothing is lost/);
    await restart();
    configure('{ deadline: 5s }');
    const { exitCode } = await sandbox.run(['--wait'], { input: messageNew('user1') });
    expect(exitCode).toBe(0);
    expect(tokensOf(apns.received)).toEqual([tokenNumber(0), tokenNumber(1)]);
  });

  test('answers 500 twice, then 200: the same apns-id each time', async () => {
    configure('{ deadline: 20s }');
    await registerUsers(sandbox, 1);
    apns.setAnswers('*', ['500', '500', '200']);
    const { exitCode } = await sandbox.run(['--wait'], { input: messageNew('user0') });
    expect(exitCode).toBe(0);
    expect(apns.received.map(({ answer }) => answer)).toEqual([
      '500/InternalServerError',
      '500/InternalServerError',
      '200',
    ]);
    expect(new Set(apns.received.map(({ apnsId }) => apnsId)).size).toBe(1);
  });

  test('says 410 for a time before the registration: the target stays', async () => {
    await registerUsers(sandbox, 1);
    apns.setAnswers('*', ['410/Unregistered@1000000000000']);
    expect(await sandbox.run(['--wait'], { input: messageNew('user0') })).toMatchObject({ exitCode: 0 });
    expect((await sandbox.run(['targets', 'list'])).stdout).toContain('user0');
  });

  test('says 410 for a time after the registration: the target goes', async () => {
    await registerUsers(sandbox, 1);
    apns.setAnswers('*', [`410/Unregistered@${Date.now() + 1000}`]);
    expect(await sandbox.run(['--wait'], { input: messageNew('user0') })).toMatchObject({ exitCode: 0 });
    expect((await sandbox.run(['targets', 'list'])).stdout).toBe('no devices\n');
  });

  test('refuses the certificate: nothing more is sent, every target and push stays', async () => {
    configure('{ deadline: 1s }');
    await registerUsers(sandbox, 3);
    apns.setAnswers('*', ['403/BadCertificate']);
    const finished = await sandbox.run(['--wait'], {
      input: range(3)
        .map((n) => messageNew(`user${n}`))
        .join(''),
    });
    expect(finished.exitCode).toBe(75);
    expect(JSON.parse((await sandbox.run(['targets', 'list', '--json'])).stdout)).toHaveLength(3);
    apns.setAnswers('*', ['200']);
    forget(apns);
    expect(await sandbox.run(['flush', '--all'])).toMatchObject({ exitCode: 0 });
    expect(tokensOf(apns.received)).toEqual(range(3).map(tokenNumber));
  });

  test('says BadDeviceToken to everything without one success: no target goes', async () => {
    await registerUsers(sandbox, 10);
    apns.setAnswers('*', ['400/BadDeviceToken']);
    await sandbox.run(['--wait'], {
      input: range(10)
        .map((n) => messageNew(`user${n}`))
        .join(''),
    });
    expect(apns.received).toHaveLength(10);
    expect(JSON.parse((await sandbox.run(['targets', 'list', '--json'])).stdout)).toHaveLength(10);
  });

  test('goes away in the middle: every push arrives', async () => {
    configure('{ deadline: 20s }');
    await registerUsers(sandbox, 30);
    apns.setAnswers(tokenNumber(7), ['goaway', '200']);
    const { exitCode } = await sandbox.run(['--wait'], {
      input: range(30)
        .map((n) => messageNew(`user${n}`))
        .join(''),
    });
    expect(exitCode).toBe(0);
    const taken = apns.received.filter(({ answer }) => answer === '200');
    expect(tokensOf(taken)).toEqual(range(30).map(tokenNumber));
    expect(apns.connections).toBe(2);
  });

  test('never answers: the push is kept, and flushed with the same apns-id', async () => {
    configure('{ deadline: 1s }');
    await registerUsers(sandbox, 1);
    apns.setAnswers('*', ['silent', '200']);
    const finished = await sandbox.run(['--wait'], { input: messageNew('user0') });
    expect(finished.exitCode).toBe(69);
    expect(await sandbox.run(['flush', '--all'])).toMatchObject({ exitCode: 0 });
    expect(apns.received.map(({ answer }) => answer)).toEqual(['silent', '200']);
    expect(apns.received[0]?.apnsId).toBe(apns.received[1]?.apnsId);
    expect(await waitingIn(sandbox)).toBe(0);
  });

  test('sends one event to many targets over one connection, within its SETTINGS', async () => {
    await apns.close();
    apns = await startTestApns({ maxConcurrentStreams: 5 });
    configure('{ deadline: 20s }');
    const events = range(20).map((n) => registration({ apsDeviceToken: tokenNumber(n) }));
    expect(await sandbox.run([], { input: events.join('') })).toMatchObject({ exitCode: 0 });
    expect(await sandbox.run(['--wait'], { input: messageNew() })).toMatchObject({ exitCode: 0 });
    expect(tokensOf(apns.received)).toEqual(range(20).map(tokenNumber));
    expect(apns.connections).toBe(1);
  });
});
