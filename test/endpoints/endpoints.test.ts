import { afterEach, describe, expect, test } from 'vitest';
import { listCommand, type ListRequest } from '../../src/endpoints/list.ts';
import { removeCommand, type RemoveRequest } from '../../src/endpoints/remove.ts';
import { showCommand } from '../../src/endpoints/show.ts';
import { openHistory } from '../../src/history/history.ts';
import type { Entry, NoticeEntry } from '../../src/history/entry.ts';
import type { Store } from '../../src/store/store.ts';
import { IN_FULL } from '../../src/terminal/layout.ts';
import { usersCommand } from '../../src/devices/users.ts';
import { createSleeplessClock } from '../support/clock.ts';
import { configFor, newMail, withEndpoint } from '../support/notices.ts';
import { NOW_MS, registered, type TestStore, testStore } from '../support/store.ts';
import { recordedLog } from '../support/recorded-log.ts';

/** Two subscriptions of alice, the second not proven, and a token of Bob's that runs out. */
async function aliceAndBob(): Promise<{ store: TestStore; ids: number[] }> {
  const store = testStore();
  return {
    store,
    ids: [
      await withEndpoint(store, 0x1a2b3c4d),
      await withEndpoint(store, 2, { host: 'push.example.net:8443', isProven: false }),
      await withEndpoint(store, 3, {
        ...{
          user: 'bob@example.org',
          service: 'deltachat',
          address: 'openpgp:secret',
          expiresMs: NOW_MS + 1000,
        },
      }),
    ],
  };
}

async function listed(store: Store, request: Partial<ListRequest> = {}): Promise<string> {
  const pieces: string[] = [];
  const all = { selection: {}, json: false, limit: Infinity, counted: false, layout: IN_FULL };
  await listCommand(configFor(store.file), { ...all, ...request }, async (list) => {
    for await (const piece of list) pieces.push(piece);
  });
  return pieces.join('');
}

describe('the list', () => {
  test('has a line for each, and no address', async () => {
    const { store } = await aliceAndBob();
    const text = await listed(store, { counted: true });
    const [headings, first, second, third, count] = text.split('\n');
    expect(headings).toMatch(/^ID +USER +SERVICE +ENDPOINT +RENEWED +RUNS OUT +LAST SUCCESS +LAST ERROR$/);
    expect(first).toMatch(
      /^1 +alice +webpush +push\.example\.org 1a2b3c4d +2023-11-14T22:13:20Z +never +never$/,
    );
    expect(second).toMatch(/push\.example\.net:8443 00000002 .* never +not proven: no answer yet$/);
    expect(third).toMatch(/^3 +bob@example\.org +deltachat +00000003 .* 2023-11-14T22:13:21Z +never$/);
    expect(count).toBe('3 endpoints');
    expect(text).not.toContain('secret');
  });

  test.each([
    [{ users: 'Alice' }, [1, 2]],
    [{ users: '*@example.org' }, [3]],
    [{ service: 'webpush' }, [1, 2]],
    [{ users: 'alice', service: 'deltachat' }, []],
  ] as const)('of %j', async (selection, ids) => {
    const { store } = await aliceAndBob();
    const text = await listed(store, { selection, json: true });
    expect((JSON.parse(text) as { id: number }[]).map(({ id }) => id)).toEqual(ids);
    expect(text).not.toContain('secret');
  });

  test('ends at the limit, and says so', async () => {
    const { store } = await aliceAndBob();
    expect(await listed(store, { limit: 1 })).toMatch(/^ID .*\n1 .*\nand 2 more: see --limit\n$/);
    expect(await listed(testStore())).toBe('no endpoints\n');
  });

  test('has what its users are completed by', async () => {
    const { store } = await aliceAndBob();
    await registered(store);
    expect(await usersCommand(configFor(store.file), '')).toBe('alice\nbob@example.org\n');
    expect(await usersCommand(configFor(store.file), 'B')).toBe('bob@example.org\n');
  });
});

describe('one', () => {
  test('is shown with its latest notices, and without its address', async () => {
    const { store, ids } = await aliceAndBob();
    const config = configFor(store.file);
    const history = openHistory({ config, clock: createSleeplessClock(), log: recordedLog() });
    const notice: NoticeEntry = {
      ...{ kind: 'notice', atMs: NOW_MS, endpointId: 99, user: 'alice', service: 'webpush' },
      ...{ endpoint: 'push.example.org 1a2b3c4d', event: 'MessageNew', mailbox: 'INBOX', noticeId: 'x' },
      ...{ attempt: 1, tookMs: 500, outcome: 'delivered', then: 'done' },
    };
    history.record(notice);
    history.record({ ...notice, endpoint: 'push.example.org 00000009', event: 'test' });
    await new Promise((resolve) => setImmediate(resolve));
    const text = await showCommand(config, ids[0] ?? 0, false);
    expect(text).toMatch(/^user +alice$/m);
    expect(text).toMatch(/^endpoint +push\.example\.org 1a2b3c4d$/m);
    expect(text).toMatch(/^recent notices +2023-11-14T22:13:20Z {2}MessageNew in INBOX: the service took/m);
    expect(text).not.toMatch(/secret|test in/);
    expect(JSON.parse(await showCommand(config, ids[1] ?? 0, true))).toMatchObject({
      ...{ id: 2, expires: null, proven: null, registered: '2023-11-14T22:13:20Z', recentNotices: [] },
    });
    await expect(showCommand(config, 77, false)).rejects.toMatchObject({ exitCode: 65 });
  });
});

describe('a removal', () => {
  const entries: Entry[] = [];
  afterEach(() => entries.splice(0));

  async function remove(store: Store, request: Partial<RemoveRequest>): Promise<string> {
    const texts: string[] = [];
    await removeCommand(configFor(store.file), {
      ...{ selection: {}, all: false, dryRun: false, json: false, clock: createSleeplessClock() },
      history: { record: (entry) => entries.push(entry) },
      layout: IN_FULL,
      out: (text) => texts.push(text),
      ...request,
    });
    return texts.join('');
  }

  const left = async (store: Store): Promise<number[]> =>
    (await store.listEndpoints({}, { afterId: 0, limit: 10 })).map(({ id }) => id);

  test('of one is done without a question, with what waits for it, and is in the history', async () => {
    const { store, ids } = await aliceAndBob();
    await store.enqueueNotices(newMail());
    const confirm = (): Promise<boolean> => Promise.reject(new Error('asked'));
    const text = await remove(store, { selection: { id: ids[0] }, confirm });
    expect(text).toMatch(/^removed 1 endpoint\nID .*\n1 .*\n$/);
    expect(await left(store)).toEqual(ids.slice(1));
    expect((await store.countNotices()).notices).toBe(0);
    expect(entries).toEqual([
      expect.objectContaining({ kind: 'endpoint', change: 'removed', endpoint: 'push.example.org 1a2b3c4d' }),
    ]);
  });

  test('of several needs a yes, or --all', async () => {
    const { store, ids } = await aliceAndBob();
    const alice = { selection: { user: 'Alice' } };
    await expect(remove(store, alice)).rejects.toMatchObject({
      ...{ message: '2 endpoints match, expected one', exitCode: 64 },
    });
    const questions: string[] = [];
    const answer = (isYes: boolean) => (question: string) => {
      questions.push(question);
      return Promise.resolve(isYes);
    };
    expect(await remove(store, { ...alice, confirm: answer(false) })).toMatch(/\nnothing was removed\n$/);
    expect(await remove(store, { ...alice, dryRun: true })).toMatch(/^would remove 2 endpoints\nID /);
    expect(await left(store)).toEqual(ids);
    expect(await remove(store, { ...alice, confirm: answer(true) })).toMatch(/\nremoved 2 endpoints\n$/);
    expect(questions).toEqual(['Remove these 2 endpoints?', 'Remove these 2 endpoints?']);
    const json = await remove(store, { selection: { service: 'deltachat' }, all: true, json: true });
    expect(JSON.parse(json)).toMatchObject({
      dryRun: false,
      count: 1,
      removed: [{ user: 'bob@example.org' }],
    });
    expect(await left(store)).toEqual([]);
    await expect(remove(store, { ...alice, all: true })).rejects.toMatchObject({ exitCode: 65 });
  });
});
