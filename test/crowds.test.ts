import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { configFor, startTestApns, type TestApns } from './support/apns.ts';
import { configure as writeConfig, createSandbox, eventually, type Sandbox } from './support/command.ts';
import { range, registerUsers, restartable, tokensOf, waitingIn } from './support/faults.ts';
import { messageNew, registration, tokenNumber } from './support/events.ts';
import { load } from './support/load.ts';

/** As many handlers at once as the busiest host could start. */
const CROWD = load(200, 50);

let apns: TestApns;
let sandbox: Sandbox;

beforeEach(async () => {
  apns = await startTestApns();
  sandbox = createSandbox(configFor(apns));
});
afterEach(async () => {
  sandbox.remove();
  await apns.close();
});

/** Gives the sandbox this configuration for deliveries. */
function configure(delivery: string): void {
  writeConfig(sandbox, `${configFor(apns)}delivery: ${delivery}\n`);
}

describe('processes', () => {
  test('the deliverer is killed with a push under way: the next handler sends it', async () => {
    configure('{ linger: 1s }');
    await registerUsers(sandbox, 2);
    apns.setAnswers('*', ['silent', '200']);
    await sandbox.notify(messageNew('user0'));
    await eventually(
      () => apns.received,
      (pushes) => pushes.length === 1,
    );
    const [pid] = sandbox.deliverers();
    process.kill(pid!, 'SIGKILL');
    await eventually(
      () => sandbox.deliverers(),
      (pids) => !pids.includes(pid!),
    );
    await sandbox.notify(messageNew('user1'));
    const taken = await eventually(
      () => apns.received.filter(({ answer }) => answer === '200'),
      (pushes) => pushes.length === 2,
    );
    expect(tokensOf(taken)).toEqual([tokenNumber(0), tokenNumber(1)]);
    expect(taken.some(({ apnsId }) => apnsId === apns.received[0]?.apnsId)).toBe(true);
  });

  test('two flushes at once send each push once', async () => {
    const restart = await restartable({ sandbox, apns }, (started) => (apns = started));
    configure('{ deadline: 1s }');
    await registerUsers(sandbox, 100);
    await apns.close();
    const input = range(100)
      .map((n) => messageNew(`user${n}`))
      .join('');
    expect(await sandbox.run(['--wait'], { input })).toMatchObject({ exitCode: 69 });
    await restart();
    await Promise.all(range(2).map(() => sandbox.run(['flush', '--all'])));
    expect(tokensOf(apns.received)).toEqual(range(100).map(tokenNumber));
  });

  test(`${CROWD} handlers at once: none fails, every push arrives`, async () => {
    configure('{ linger: 2s }');
    await registerUsers(sandbox, CROWD);
    const finished = await Promise.all(range(CROWD).map((n) => sandbox.notify(messageNew(`user${n}`))));
    expect(finished.filter(({ exitCode }) => exitCode !== 0)).toEqual([]);
    await eventually(
      () => new Set(tokensOf(apns.received)).size,
      (count) => count === CROWD,
    );
    await eventually(
      () => sandbox.deliverers(),
      (pids) => pids.length === 0,
    );
    // What has no answer within 10 s goes again under its apns-id: two hundred processes leave Apple's little time for one.
    const pushes = new Map(apns.received.map((push) => [push.apnsId, push]));
    expect(tokensOf([...pushes.values()])).toEqual(range(CROWD).map(tokenNumber));
    expect(await waitingIn(sandbox)).toBe(0);
  }, 300_000);

  test(`${CROWD} handlers at once make one database`, async () => {
    configure('{}');
    const events = range(CROWD).map((n) =>
      registration({ user: `user${n}`, apsDeviceToken: tokenNumber(n) }),
    );
    const finished = await Promise.all(events.map((event) => sandbox.notify(event)));
    expect(finished.filter(({ exitCode }) => exitCode !== 0)).toEqual([]);
    expect(await sandbox.run(['flush'])).toMatchObject({ exitCode: 0 });
    expect(JSON.parse((await sandbox.run(['targets', 'list', '--json'])).stdout)).toHaveLength(CROWD);
  }, 300_000);
});
