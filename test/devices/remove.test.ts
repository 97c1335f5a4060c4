import { describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import type { Entry } from '../../src/history/entry.ts';
import { removeCommand, type RemoveRequest } from '../../src/devices/remove.ts';
import { IN_FULL } from '../../src/terminal/layout.ts';
import { createSleeplessClock } from '../support/clock.ts';
import { ACCOUNT_ID, tokenNumber } from '../support/events.ts';
import { registered } from '../support/store.ts';
import { aliceAndBob, configFor } from '../targets/setup.ts';

const entries: Entry[] = [];

async function remove(store: Store, request: Partial<RemoveRequest>): Promise<string> {
  const texts: string[] = [];
  await removeCommand(configFor(store.file), {
    selection: {},
    all: false,
    dryRun: false,
    json: false,
    clock: createSleeplessClock(),
    history: { record: (entry) => entries.push(entry) },
    layout: IN_FULL,
    out: (text) => texts.push(text),
    ...request,
  });
  return texts.join('');
}

const ALICE = { selection: { user: 'alice' } };

describe('one target', () => {
  test('goes without a question', async () => {
    const store = await aliceAndBob();
    const confirm = (): Promise<boolean> => Promise.reject(new Error('asked'));
    const text = await remove(store, { selection: { user: 'alice', token: '80AA' }, confirm });
    expect(text).toMatch(/^removed 1 device\nUSER .*\nalice .*\n$/);
    expect(await store.listTargets({ user: 'alice' })).toMatchObject([{ deviceToken: tokenNumber(1) }]);
    expect(await store.listTargets({ user: 'bob' })).toHaveLength(1);
    expect(entries).toMatchObject([{ user: 'alice', device: '80aa34cb…4f3a', change: 'removed' }]);
  });

  test('that is not there', async () => {
    const store = await aliceAndBob();
    await expect(remove(store, { selection: { user: 'carol' }, all: true })).rejects.toMatchObject({
      exitCode: 65,
    });
  });
});

describe('several', () => {
  test('where nobody can be asked, only with --all', async () => {
    const store = await aliceAndBob();
    await expect(remove(store, ALICE)).rejects.toMatchObject({
      message: '2 devices match, expected one',
      exitCode: 64,
    });
    expect(await store.listTargets({})).toHaveLength(3);
    expect(await remove(store, { ...ALICE, all: true })).toMatch(/^removed 2 devices\n/);
    expect(await store.listTargets({})).toMatchObject([{ user: 'bob' }]);
  });

  test('by an account id that users share', async () => {
    const store = await aliceAndBob();
    expect(await remove(store, { selection: { accountId: ACCOUNT_ID }, all: true })).toMatch(
      /^removed 3 devices\n/,
    );
  });

  test('are shown, and only a yes removes them', async () => {
    const store = await aliceAndBob();
    const questions: string[] = [];
    const answer =
      (yes: boolean) =>
      (question: string): Promise<boolean> => {
        questions.push(question);
        return Promise.resolve(yes);
      };
    expect(await remove(store, { ...ALICE, confirm: answer(false) })).toMatch(
      /^USER .*\nalice .*\nalice .*\nnothing was removed\n$/,
    );
    expect(await store.listTargets({})).toHaveLength(3);
    expect(await remove(store, { ...ALICE, confirm: answer(true) })).toMatch(/\nremoved 2 devices\n$/);
    expect(await store.listTargets({})).toMatchObject([{ user: 'bob' }]);
    expect(questions).toEqual(['Remove these 2 devices?', 'Remove these 2 devices?']);
  });

  test('only those that were shown: what registers during the question stays', async () => {
    const store = await aliceAndBob();
    const confirm = async (): Promise<boolean> => {
      await registered(store, { deviceToken: tokenNumber(7) });
      return true;
    };
    await remove(store, { ...ALICE, confirm });
    expect(await store.listTargets({ user: 'alice' })).toMatchObject([{ deviceToken: tokenNumber(7) }]);
  });

  test('that are very many are not all listed', async () => {
    const store = await aliceAndBob();
    for (let n = 10; n < 70; n += 1)
      await registered(store, { deviceToken: tokenNumber(n) }, { maxPerUser: 1000 });
    const text = await remove(store, { ...ALICE, all: true });
    expect(text).toMatch(/^removed 62 devices\n/);
    expect(text).toMatch(/\nand 12 more\n$/);
    expect(text.split('\n')).toHaveLength(54);
  });
});

describe('a rehearsal', () => {
  test('removes nothing', async () => {
    const store = await aliceAndBob();
    expect(await remove(store, { ...ALICE, dryRun: true })).toMatch(/^would remove 2 devices\nUSER/);
    expect(await store.listTargets({})).toHaveLength(3);
  });
});

test('JSON', async () => {
  const store = await aliceAndBob();
  expect(JSON.parse(await remove(store, { ...ALICE, dryRun: true, json: true }))).toMatchObject({
    dryRun: true,
    count: 2,
    removed: [{ user: 'alice' }, { user: 'alice' }],
  });
  expect(JSON.parse(await remove(store, { ...ALICE, all: true, json: true }))).toMatchObject({
    dryRun: false,
    count: 2,
    removed: [{ user: 'alice' }, { user: 'alice' }],
  });
  expect(await store.listTargets({})).toMatchObject([{ user: 'bob' }]);
});
