import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import type { OutboxCommand } from '../../src/waiting/command.ts';
import { discardCommand, type DiscardOptions } from '../../src/waiting/discard.ts';
import { listCommand } from '../../src/waiting/list.ts';
import { retryCommand } from '../../src/waiting/retry.ts';
import { openControlDoor } from '../../src/delivery/control.ts';
import { configFor, startTestApns, type TestApns } from '../support/apns.ts';
import { IN_FULL } from '../../src/terminal/layout.ts';
import { createTestClock } from '../support/clock.ts';
import { configure, eventually, type Finished, type Sandbox } from '../support/command.ts';
import { EDITION, listening } from '../support/control.ts';
import { messageNew, registration, tokenNumber } from '../support/events.ts';
import { sandboxHere, serveHere } from '../support/here.ts';
import { recordedLog } from '../support/recorded-log.ts';
import {
  claimed,
  enqueued,
  NOW_MS,
  registered,
  rowsOf,
  testStore,
  type TestStore,
} from '../support/store.ts';

/** Two pushes for devices of alice and one for bob's. */
async function threeWaiting(): Promise<TestStore> {
  const store = testStore();
  for (const [n, user] of ['alice', 'alice', 'bob'].entries())
    await registered(store, { user, deviceToken: tokenNumber(n) });
  await enqueued(store);
  return store;
}

function commandOn(
  store: TestStore,
): OutboxCommand & { log: ReturnType<typeof recordedLog>; shown: () => string } {
  const texts: string[] = [];
  return {
    config: {
      store: store.file,
      control: `${store.file}.sock`,
      edition: EDITION,
      users: { lowercase: true, domain: 'keep' },
      history: { maxAgeMs: 86_400_000, maxEntries: 100 },
    } as Config,
    log: recordedLog(),
    clock: createTestClock(NOW_MS),
    layout: IN_FULL,
    show: (text) => void texts.push(text),
    shown: () => texts.splice(0).join(''),
  };
}

async function usersWaiting(store: TestStore): Promise<unknown[]> {
  const rows = await rowsOf(store, 'SELECT user FROM outbox JOIN targets ON id = target_id ORDER BY id');
  return rows.map(({ user }) => user);
}

describe('list', () => {
  test('shows what the limit allows, and as JSON all', async () => {
    const command = commandOn(await threeWaiting());
    await listCommand(command, {}, { json: false, limit: 2 });
    expect(command.shown().split('\n')).toHaveLength(5);
    await listCommand(command, { user: 'ALICE' }, { json: true, limit: undefined });
    expect(JSON.parse(command.shown())).toHaveLength(2);
    await listCommand(command, {}, { json: true, limit: 1 });
    expect(JSON.parse(command.shown())).toHaveLength(1);
    await listCommand(command, { users: 'B?*' }, { json: true, limit: undefined });
    expect(JSON.parse(command.shown())).toMatchObject([{ user: 'bob' }]);
  });
});

describe('discard', () => {
  const NOBODY: DiscardOptions = { all: false, dryRun: false, ask: undefined };

  test('asks before it gives several up, and takes a no', async () => {
    const store = await threeWaiting();
    const command = commandOn(store);
    const questions: string[] = [];
    const saying = (answer: boolean): DiscardOptions => ({
      ...NOBODY,
      ask: (question) => {
        questions.push(question);
        return Promise.resolve(answer);
      },
    });
    await discardCommand(command, { user: 'alice' }, saying(false));
    expect(command.shown()).toMatch(/^USER .*\nalice .*\nalice .*\nnothing was discarded\n$/);
    expect(await usersWaiting(store)).toEqual(['alice', 'alice', 'bob']);
    await discardCommand(command, { user: 'alice' }, saying(true));
    expect(command.shown()).toMatch(/^USER .*\nalice .*\nalice .*\ndiscarded 2 pushes\n$/);
    expect(await usersWaiting(store)).toEqual(['bob']);
    await discardCommand(command, { user: 'bob' }, saying(false));
    expect([command.shown(), await usersWaiting(store)]).toEqual(['discarded 1 push\n', []]);
    expect(questions).toEqual(['Discard these 2 pushes?', 'Discard these 2 pushes?']);
    expect(await rowsOf(store, 'SELECT * FROM targets')).toHaveLength(3);
  });

  test('leaves what came while it asked', async () => {
    const store = await threeWaiting();
    const command = commandOn(store);
    const ask = async (): Promise<boolean> => {
      await registered(store, { user: 'carol', deviceToken: tokenNumber(9) });
      await enqueued(store, { nowMs: NOW_MS + 1 });
      return true;
    };
    await discardCommand(command, {}, { ...NOBODY, ask });
    expect(command.shown()).toMatch(/\ndiscarded 3 pushes\n$/);
    expect(await usersWaiting(store)).toEqual(['carol']);
  });

  test('asks nobody where nobody is there, nor with --all', async () => {
    const store = await threeWaiting();
    const command = commandOn(store);
    await expect(discardCommand(command, { user: 'alice' }, NOBODY)).rejects.toMatchObject({ exitCode: 64 });
    const ask = (): never => {
      throw new Error('asked');
    };
    await discardCommand(command, {}, { all: true, dryRun: false, ask });
    expect(await usersWaiting(store)).toEqual([]);
  });

  test('logs how many pushes of whom were given up', async () => {
    const command = commandOn(await threeWaiting());
    await discardCommand(command, {}, { ...NOBODY, all: true });
    expect(command.log.entries).toMatchObject([
      { level: 'info', fields: { user: 'alice', pushes: 2 } },
      { level: 'info', fields: { user: 'bob', pushes: 1 } },
    ]);
  });

  test('a rehearsal shows them and changes nothing', async () => {
    const store = await threeWaiting();
    const command = commandOn(store);
    await claimed(store, { limit: 1 });
    await discardCommand(command, { user: 'alice' }, { ...NOBODY, dryRun: true });
    expect(command.shown()).toMatch(/^would discard 1 push\n1 push being sent now is left alone\nUSER /);
    expect(await usersWaiting(store)).toHaveLength(3);
    expect(command.log.entries).toEqual([]);
  });
});

describe('retry', () => {
  test('tells whoever delivers to try even where it rests', async () => {
    const store = await threeWaiting();
    const command = commandOn(store);
    await store.write((sql) => sql(`UPDATE outbox SET due_ms = due_ms + 1, held_by = 'device'`).run());
    const words: string[] = [];
    const door = await openControlDoor(
      command.config.control,
      listening((word) => words.push(word)),
    );
    await retryCommand(command, { user: 'alice' }, { dryRun: true });
    expect(command.shown()).toBe(
      '2 pushes would be due now\nfor 2 of them Apple asked to wait longer: they would be tried all the same\n',
    );
    expect([words, await claimed(store)]).toEqual([[], []]);
    await retryCommand(command, { user: 'alice' }, { dryRun: false });
    await door.close();
    expect(command.shown()).toBe(
      '2 pushes are due now\nfor 2 of them Apple asked to wait longer: they are tried all the same\n' +
        'the deliverer that runs was told\n',
    );
    expect(words).toEqual(['retry']);
    expect(await claimed(store)).toHaveLength(2);
  });

  test('does nothing where all is being sent, and says so', async () => {
    const store = await threeWaiting();
    const command = commandOn(store);
    await claimed(store);
    await retryCommand(command, {}, { dryRun: false });
    expect(command.shown()).toBe('3 pushes being sent now are left alone\n');
  });

  test('of nothing is an error', async () => {
    const command = commandOn(await threeWaiting());
    await expect(retryCommand(command, { token: 'ff' }, { dryRun: false })).rejects.toMatchObject({
      message: 'no waiting push matches',
      exitCode: 65,
    });
  });
});

describe('with a stand-in for Apple', () => {
  let apns: TestApns;
  let sandbox: Sandbox;

  beforeEach(async () => {
    apns = await startTestApns();
    sandbox = sandboxHere('');
    configure(sandbox, `${configFor(apns)}delivery: { deadline: 1s, linger: 1s }\n`);
    await sandbox.run([], { input: registration() });
  });
  afterEach(async () => {
    sandbox.remove();
    await apns.close();
  });

  async function waiting(): Promise<{ sending: boolean; attempts: number }[]> {
    const { stdout } = await sandbox.run(['outbox', 'list', '--json']);
    return JSON.parse(stdout) as { sending: boolean; attempts: number }[];
  }

  test('retry has a push delivered that would have waited', async () => {
    apns.setAnswers('*', ['503']);
    await sandbox.run(['--wait'], { input: messageNew() });
    await changeStore(`UPDATE outbox SET due_ms = due_ms + 3600000`);
    apns.setAnswers('*', ['200']);
    const { stdout, exitCode } = await sandbox.run(['outbox', 'retry', 'alice']);
    expect([stdout, exitCode]).toEqual(['1 push is due now\na deliverer was started\n', 0]);
    await eventually(waiting, (rows) => rows.length === 0);
    const [first, second] = await apns.pushes(2);
    expect(second?.apnsId).toBe(first?.apnsId);
  });

  test('retry ends the rest of a serve whose certificate was refused', async () => {
    const served = await serveHere(sandbox);
    apns.setAnswers('*', ['403/BadCertificate']);
    await sandbox.run([], { input: messageNew() });
    await eventually(waiting, ([row]) => row?.attempts === 1 && !row.sending);
    apns.setAnswers('*', ['200']);
    const { stdout } = await sandbox.run(['outbox', 'retry', '--all']);
    expect(stdout).toBe('1 push is due now\nthe deliverer that runs was told\n');
    await eventually(waiting, (rows) => rows.length === 0);
    await served.end('SIGTERM');
  });

  test('what is on its way is left alone', async () => {
    configure(sandbox, `${configFor(apns)}delivery: { deadline: 8s, linger: 1s }\n`);
    apns.setAnswers('*', ['silent']);
    const sending = sandbox.run(['--wait'], { input: messageNew() });
    await apns.pushes(1);
    const [discard, retry] = await Promise.all(
      ['discard', 'retry'].map((verb) => sandbox.run(['outbox', verb, '--all'])),
    );
    for (const { stdout, exitCode } of [discard, retry] as Finished[])
      expect([stdout, exitCode]).toEqual(['1 push being sent now is left alone\n', 0]);
    await sending;
    expect(await waiting()).toMatchObject([{ sending: false, attempts: 1 }]);
  });

  test('two at once give one push up once', async () => {
    apns.setAnswers('*', ['503']);
    await sandbox.run(['--wait'], { input: messageNew() });
    const ended = await Promise.all([0, 1].map(() => sandbox.run(['outbox', 'discard', 'alice'])));
    const discarded = ended.filter(({ stdout }) => stdout === 'discarded 1 push\n');
    expect(discarded).toHaveLength(1);
    expect(await waiting()).toEqual([]);
  });

  async function changeStore(statement: string): Promise<void> {
    const store = testStore(sandbox.store);
    await store.write((sql) => sql(statement).run());
    store.close();
  }
});
