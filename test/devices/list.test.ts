import { describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { listCommand, type ListRequest } from '../../src/devices/list.ts';
import { IN_FULL } from '../../src/terminal/layout.ts';
import { ACCOUNT_ID, DEVICE_TOKEN, tokenNumber } from '../support/events.ts';
import { NOW_MS, registered, temporaryFolder, testStore } from '../support/store.ts';
import { aliceAndBob, configFor, setTargets } from '../targets/setup.ts';

const ALL: ListRequest = {
  failing: false,
  disabled: false,
  order: 'user',
  reverse: false,
  json: false,
  limit: Infinity,
  counted: false,
  layout: IN_FULL,
};

async function listed(store: Store, request: Partial<ListRequest> = {}): Promise<string> {
  const pieces: string[] = [];
  await listCommand(configFor(store.file), { ...ALL, ...request }, async (list) => {
    for await (const piece of list) pieces.push(piece);
  });
  return pieces.join('');
}

async function users(store: Store, request: Partial<ListRequest>): Promise<string[]> {
  const targets = JSON.parse(await listed(store, { ...request, json: true })) as { user: string }[];
  return targets.map(({ user }) => user);
}

describe('the table', () => {
  test('has a line for each', async () => {
    const [headings, ...lines] = (await listed(await aliceAndBob())).trimEnd().split('\n');
    expect(headings).toMatch(
      /^USER +DEVICE TOKEN +ACCOUNT ID +REGISTERED +RENEWED +LAST SUCCESS +LAST ERROR$/,
    );
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['alice', 'alice', 'bob']);
    expect(lines[0]).toMatch(/ 2023-11-14T22:13:21Z +2023-11-14T22:13:21Z +never$/);
  });

  test('says what failed, and what is disabled', async () => {
    const store = await aliceAndBob();
    await setTargets(store, 'bob', `failures = 3, last_error = 'BadDeviceToken', disabled_ms = ${NOW_MS}`);
    expect(await listed(store, { user: 'bob' })).toMatch(
      / never +disabled: BadDeviceToken \(3 in a row\)\n$/,
    );
  });

  test('goes on below where the terminal is narrow, with ages for times', async () => {
    const layout = { columns: 60, time: (): string => '3 days ago' };
    expect((await listed(await aliceAndBob(), { user: 'bob', layout })).split('\n')).toEqual([
      'USER  DEVICE TOKEN   ACCOUNT ID  REGISTERED  RENEWED',
      '    LAST SUCCESS  LAST ERROR',
      expect.stringMatching(/^bob   .{13}  .{10}  3 days ago  3 days ago$/),
      '    3 days ago',
      '',
    ]);
  });

  test('ends at the limit, and says so', async () => {
    const text = await listed(await aliceAndBob(), { limit: 1 });
    expect(text).toMatch(/^USER .*\nalice .*\nand 2 more: see --limit\n$/);
    expect(await users(await aliceAndBob(), { limit: 2 })).toEqual(['alice', 'alice']);
  });

  test('tells since when, where one looks for trouble', async () => {
    const store = await aliceAndBob();
    const times = `failing_since_ms = ${NOW_MS}, disabled_ms = ${NOW_MS + 1000}`;
    await setTargets(store, 'bob', `failures = 3, last_error = 'BadDeviceToken', ${times}`);
    for (const request of [{ failing: true }, { disabled: true }]) {
      const [headings = '', line = '', ...others] = (await listed(store, request)).trimEnd().split('\n');
      expect(others).toEqual([]);
      expect(headings).toMatch(/ RENEWED +FAILING SINCE +DISABLED +LAST ERROR$/);
      expect(line).toMatch(
        /^bob .* 2023-11-14T22:13:20Z +2023-11-14T22:13:21Z +BadDeviceToken \(3 in a row\)$/,
      );
      expect(line.length).toBeLessThanOrEqual(130);
    }
  });

  test('ends with the count, for a person', async () => {
    const store = await aliceAndBob();
    expect(await listed(store, { counted: true })).toMatch(/\n3 devices\n$/);
    expect(await listed(store, { counted: true, user: 'x' })).toBe('no devices\n');
  });

  test('paints no screen with the name of a user', async () => {
    const store = testStore();
    await registered(store, { user: 'a\u001b[31m' });
    expect(await listed(store)).toMatch(/^a\\u001b\[31m /m);
  });
});

describe('JSON', () => {
  test('is one value, as JSON.stringify writes it', async () => {
    const store = await aliceAndBob();
    const text = await listed(store, { json: true });
    expect(text).toBe(`${JSON.stringify(JSON.parse(text), null, 2)}\n`);
    expect(await listed(store, { json: true, user: 'x' })).toBe('[]\n');
    expect(JSON.parse(await listed(store, { json: true, user: 'BOB' }))).toEqual([
      expect.objectContaining({
        user: 'bob',
        renewed: '2023-11-14T22:13:22Z',
        lastPush: null,
        failures: 0,
        failingSince: null,
        disabled: null,
      }),
    ]);
  });

  test('is so over many pages', async () => {
    const store = testStore();
    for (let n = 0; n < 1001; n += 1)
      await registered(store, { user: `user${n}`, deviceToken: tokenNumber(n) });
    const text = await listed(store, { json: true });
    expect(text).toBe(`${JSON.stringify(JSON.parse(text), null, 2)}\n`);
    expect(JSON.parse(text)).toHaveLength(1001);
    expect((await listed(store)).split('\n').filter((line) => line.startsWith('USER'))).toHaveLength(1);
  });
});

describe('conditions', () => {
  const requests: [request: Partial<ListRequest>, want: string[]][] = [
    [{ renewedBeforeMs: NOW_MS + 2000 }, ['alice', 'alice']],
    [{ failing: true }, ['bob']],
    [{ disabled: true }, []],
    [{ topic: 'com.apple.mail.XServer.test' }, ['alice', 'alice', 'bob']],
    [{ topic: 'other' }, []],
    [{ user: 'alice', failing: true }, []],
    [{ order: 'renewed' }, ['bob', 'alice', 'alice']],
    [{ order: 'failures', reverse: true }, ['alice', 'alice', 'bob']],
  ];

  test.each(requests)('%j', async (request, want) => {
    const store = await aliceAndBob();
    await setTargets(store, 'bob', 'failures = 1');
    expect(await users(store, request)).toEqual(want);
  });
});

test('shows no token and no account id', async () => {
  const store = await aliceAndBob();
  for (const text of [await listed(store), await listed(store, { json: true })]) {
    expect(text).not.toContain(DEVICE_TOKEN);
    expect(text).not.toContain(ACCOUNT_ID);
    expect(text).toContain(DEVICE_TOKEN.slice(0, 8));
  }
});

test('makes no database where there is none', async () => {
  const show = (): Promise<void> => Promise.resolve();
  await expect(listCommand(configFor(`${temporaryFolder()}/x.db`), ALL, show)).rejects.toMatchObject({
    exitCode: 75,
  });
});
