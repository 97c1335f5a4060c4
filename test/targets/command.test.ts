import { describe, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import type { Store } from '../../src/db.ts';
import { listCommand, pruneCommand, removeCommand, showCommand } from '../../src/targets/command.ts';
import { listTargets } from '../../src/targets/store.ts';
import { ACCOUNT_ID, DEVICE_TOKEN, tokenNumber } from '../support/events.ts';
import { NOW_MS, registered, temporaryFolder, testStore } from '../support/store.ts';

function configFor(store: string): Config {
  return { store, users: { lowercase: true, domain: 'keep' } } as Config;
}

/** A command on that store, with what it wrote. */
async function written(
  store: Store,
  command: (config: Config, out: (text: string) => void) => Promise<void>,
): Promise<string> {
  const texts: string[] = [];
  await command(configFor(store.file), (text) => texts.push(text));
  return texts.join('');
}

async function aliceAndBob(): Promise<Store> {
  const store = testStore();
  await registered(store);
  await registered(store, { deviceToken: tokenNumber(1) }, { nowMs: NOW_MS + 1000 });
  await registered(store, { user: 'bob' }, { nowMs: NOW_MS + 2000 });
  return store;
}

describe('list', () => {
  test('a table', async () => {
    const store = await aliceAndBob();
    const text = await written(store, (config, out) => listCommand(config, {}, false, out));
    const [headings, ...lines] = text.trimEnd().split('\n');
    expect(headings).toMatch(
      /^USER +DEVICE TOKEN +ACCOUNT ID +REGISTERED +RENEWED +LAST SUCCESS +LAST ERROR$/,
    );
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['alice', 'alice', 'bob']);
    expect(lines[0]).toMatch(/ 2023-11-14T22:13:21Z +2023-11-14T22:13:21Z +never$/);
  });

  test('JSON with the same, and nothing when there is nothing', async () => {
    const store = await aliceAndBob();
    const bob = await written(store, (config, out) => listCommand(config, { user: 'BOB' }, true, out));
    expect(JSON.parse(bob)).toEqual([
      expect.objectContaining({ user: 'bob', renewed: '2023-11-14T22:13:22Z', lastPush: null, failures: 0 }),
    ]);
    const nobody = (json: boolean) => (config: Config, out: (text: string) => void) =>
      listCommand(config, { user: 'x' }, json, out);
    expect(await written(store, nobody(false))).toBe('no targets\n');
    expect(await written(store, nobody(true))).toBe('[]\n');
  });

  test('shows no token and no account id', async () => {
    const store = await aliceAndBob();
    for (const json of [true, false]) {
      const texts = [
        await written(store, (config, out) => listCommand(config, {}, json, out)),
        await written(store, (config, out) => showCommand(config, { user: 'alice' }, json, out)),
        await written(store, (config, out) =>
          pruneCommand(config, { renewedBeforeMs: 2 * NOW_MS, dryRun: true, json }, out),
        ),
      ];
      for (const text of texts) {
        expect(text).not.toContain(DEVICE_TOKEN);
        expect(text).not.toContain(ACCOUNT_ID);
        expect(text).toContain(DEVICE_TOKEN.slice(0, 8));
      }
    }
  });

  test('makes no database where there is none', async () => {
    const config = configFor(`${temporaryFolder()}/x.db`);
    await expect(listCommand(config, {}, false, () => undefined)).rejects.toMatchObject({ exitCode: 75 });
  });
});

describe('show', () => {
  test('targets with their mailboxes', async () => {
    const store = await aliceAndBob();
    const text = await written(store, (config, out) => showCommand(config, { user: 'bob' }, false, out));
    expect(text).toMatch(/^user +bob$/m);
    expect(text).toMatch(/^mailbox +INBOX of alice$/m);
    const json = await written(store, (config, out) => showCommand(config, { user: 'bob' }, true, out));
    expect(JSON.parse(json)).toMatchObject([
      { user: 'bob', mailboxes: [{ path: 'Archive' }, { owner: 'alice', path: 'INBOX', name: 'INBOX' }] },
    ]);
  });

  test('of somebody without a device', async () => {
    const store = await aliceAndBob();
    const show = written(store, (config, out) => showCommand(config, { user: 'carol' }, false, out));
    await expect(show).rejects.toMatchObject({ message: 'no target matches', exitCode: 65 });
  });
});

describe('remove', () => {
  const remove =
    (user: string, options: { all?: boolean; dryRun?: boolean; token?: string }) =>
    (config: Config, out: (text: string) => void): Promise<void> =>
      removeCommand(config, { user, token: options.token }, { all: false, dryRun: false, ...options }, out);

  test('one target', async () => {
    const store = await aliceAndBob();
    expect(await written(store, remove('alice', { token: '80AA' }))).toMatch(/^removed 1 target\nUSER/);
    expect(await listTargets(store, { user: 'alice' })).toMatchObject([{ deviceToken: tokenNumber(1) }]);
    expect(await listTargets(store, { user: 'bob' })).toHaveLength(1);
  });

  test('several only with --all, and none in a rehearsal', async () => {
    const store = await aliceAndBob();
    await expect(written(store, remove('alice', {}))).rejects.toMatchObject({
      message: '2 targets match, expected one',
      exitCode: 64,
    });
    expect(await written(store, remove('alice', { dryRun: true }))).toMatch(/^would remove 2 targets\n/);
    expect(await listTargets(store, {})).toHaveLength(3);
    expect(await written(store, remove('alice', { all: true }))).toMatch(/^removed 2 targets\n/);
    expect(await listTargets(store, {})).toHaveLength(1);
  });

  test('none that is there', async () => {
    const store = await aliceAndBob();
    await expect(written(store, remove('carol', { all: true }))).rejects.toMatchObject({ exitCode: 65 });
  });
});

describe('prune', () => {
  const prune =
    (dryRun: boolean, json: boolean) =>
    (config: Config, out: (text: string) => void): Promise<void> =>
      pruneCommand(config, { renewedBeforeMs: NOW_MS + 1000, dryRun, json }, out);

  test('removes what was not renewed since', async () => {
    const store = await aliceAndBob();
    expect(await written(store, prune(true, false))).toMatch(
      /^would remove 1 target not renewed since 2023-11-14T22:13:21Z\n/,
    );
    expect(await listTargets(store, {})).toHaveLength(3);
    expect(JSON.parse(await written(store, prune(false, true)))).toMatchObject({
      dryRun: false,
      removed: [{ user: 'alice' }],
    });
    expect(await listTargets(store, {})).toHaveLength(2);
    expect(await written(store, prune(false, false))).toBe(
      'removed 0 targets not renewed since 2023-11-14T22:13:21Z\n',
    );
  });
});
