import { describe, expect, test } from 'vitest';
import { showCommand } from '../../src/devices/show.ts';
import { lineOf } from '../../src/history/entry.ts';
import { historyFolder } from '../../src/history/history.ts';
import { append } from '../../src/history/shelf.ts';
import type { Subscription } from '../../src/targets/subscription.ts';
import { ACCOUNT_ID, DEVICE_TOKEN, tokenNumber } from '../support/events.ts';
import { pushEntryOf } from '../support/history.ts';
import { NOW_MS, registered, subscription, testStore } from '../support/store.ts';
import { aliceAndBob, configFor, setTargets } from '../targets/setup.ts';

describe('a target', () => {
  test('with its mailboxes', async () => {
    const config = configFor((await aliceAndBob()).file);
    const text = await showCommand(config, { user: 'BOB' }, false);
    expect(text).toMatch(/^user {13}bob$/m);
    expect(text).toMatch(/^mailboxes {8}Archive of alice\n {17}INBOX of alice\n$/m);
    expect(JSON.parse(await showCommand(config, { user: 'bob' }, true))).toMatchObject([
      { user: 'bob', mailboxes: [{ path: 'Archive' }, { owner: 'alice', path: 'INBOX', name: 'INBOX' }] },
    ]);
  });

  test('a calendar by its key, and until when it holds', async () => {
    const store = testStore();
    const key = 'bob/unique-id-of-work';
    const subscriptions = [{ owner: '#calendar', path: 'unique-id-of-work', name: key, hash: 'hash' }];
    const calendar = { accountId: key, subtopic: 'calendar', expiresMs: NOW_MS + 1000, subscriptions };
    await registered(store, calendar);
    const text = await showCommand(configFor(store.file), { user: 'alice' }, false);
    expect(text).toMatch(/^calendar {9}bob\/unique-id-of-work$/m);
    expect(text).toMatch(/^mailboxes {8}calendar with the id unique-id-of-work$/m);
    expect(text).toMatch(/^runs out /m);
    const shown = JSON.parse(await showCommand(configFor(store.file), { user: 'alice' }, true)) as object;
    expect(shown).toMatchObject([{ kind: 'calendar', expires: '2023-11-14T22:13:21Z' }]);
  });

  test('each with its own latest pushes, the newest first', async () => {
    const store = testStore();
    const ids = [1, 2].map((n) => registered(store, { deviceToken: tokenNumber(n) }));
    const [one, two] = [await ids[0]!, await ids[1]!];
    const folder = historyFolder(store.file);
    const pushes = [two, two, one, one, one, one, one, one, 999].map((targetId, n) =>
      lineOf(pushEntryOf({ targetId, atMs: NOW_MS + n * 1000 })),
    );
    append(folder, 'devices', pushes.join(''), { maxEntries: 100, maxAgeMs: 1 }, NOW_MS);
    const shown = await showCommand(configFor(store.file), { user: 'alice' }, true);
    const at = (JSON.parse(shown) as { recentPushes: { at: string }[] }[]).map(({ recentPushes }) =>
      recentPushes.map((push) => Date.parse(push.at) / 1000 - NOW_MS / 1000),
    );
    expect(at).toEqual([
      [7, 6, 5, 4, 3],
      [1, 0],
    ]);
  });

  test('that was told no names hears of its INBOX alone', async () => {
    const store = testStore();
    const unnamed = (path: string, owner = 'alice'): Subscription => ({
      ...subscription(path, owner),
      hash: undefined,
    });
    await registered(store, { subscriptions: [unnamed('INBOX'), unnamed('Lists'), unnamed('INBOX', 'bob')] });
    const text = await showCommand(configFor(store.file), { user: 'alice' }, false);
    const none = ': no pushes, since the device heard no names of mailboxes';
    expect(text).toMatch(new RegExp(`INBOX of alice\n *Lists of alice${none}\n *INBOX of bob${none}\n`));
  });

  test('that is well', async () => {
    const store = await aliceAndBob();
    const text = await showCommand(configFor(store.file), { user: 'bob' }, false);
    for (const line of [
      /^registered +2023-11-14T22:13:22Z$/m,
      /^renewed +2023-11-14T22:13:22Z$/m,
      /^last push +never$/m,
      /^last success +never$/m,
      /^last error +none$/m,
      /^errors in a row +0$/m,
      /^failing since +-$/m,
      /^disabled +no$/m,
    ])
      expect(text).toMatch(line);
  });

  test('that is disabled, with the fix', async () => {
    const store = await aliceAndBob();
    const times = `last_error_ms = ${NOW_MS + 9000}, failing_since_ms = ${NOW_MS}, disabled_ms = ${NOW_MS + 8000}`;
    await setTargets(store, 'bob', `failures = 7, last_error = 'BadMessageId', topic = '', ${times}`);
    const text = await showCommand(configFor(store.file), { user: 'bob' }, false);
    for (const line of [
      /^topic +unknown$/m,
      /^last error +BadMessageId, 2023-11-14T22:13:29Z$/m,
      /^errors in a row +7$/m,
      /^failing since +2023-11-14T22:13:20Z$/m,
      /^disabled +since 2023-11-14T22:13:28Z; it gets no pushes until it registers again: open Mail/m,
    ])
      expect(text).toMatch(line);
  });
});

test('shows no token and no account id, and paints no screen', async () => {
  const store = testStore();
  await registered(store, { subscriptions: [subscription('a\u001b[2J')] });
  for (const json of [true, false]) {
    const text = await showCommand(configFor(store.file), { user: 'alice' }, json);
    expect(text).not.toContain(DEVICE_TOKEN);
    expect(text).not.toContain(ACCOUNT_ID);
    expect(text).toContain('a\\u001b[2J');
  }
});

test('somebody without a device', async () => {
  const show = showCommand(configFor((await aliceAndBob()).file), { user: 'carol' }, false);
  await expect(show).rejects.toMatchObject({ message: 'no device matches', exitCode: 65 });
});
