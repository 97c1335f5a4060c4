import { statSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { countBad } from '../../src/spool/spool.ts';
import { configure, createSandbox, type Sandbox } from '../support/command.ts';
import { messageNew, registration, tokenNumber } from '../support/events.ts';
import { openTestStore, rowsOf, type TestStore } from '../support/store.ts';

const DAY_MS = 86_400_000;
const STALE = 4000;
const HANDLERS = 25;

let sandbox: Sandbox;
let store: TestStore;
beforeEach(async () => {
  sandbox = createSandbox('');
  configure(sandbox, '');
  store = openTestStore(sandbox.store);
  const nowMs = Date.now();
  await store.write((sql) => {
    const target = sql(
      `INSERT INTO targets (user, device_token, account_id, subtopic, aps_version, topic, source, registered_ms, renewed_ms)
       VALUES (?, ?, 'an-account-of-a-phone', 'com.apple.mobilemail', 2, '', 'cyrus', 1, ?) RETURNING id`,
    );
    const inbox = sql(`INSERT INTO subscriptions VALUES (?, ?, 'INBOX', 'INBOX', hex(zeroblob(500)))`);
    const add = (user: string, n: number, renewedMs: number): void => {
      inbox.run((target.get(user, tokenNumber(n), renewedMs) as { id: number }).id, user);
    };
    for (let n = 0; n < STALE; n += 1) add(`stale${n}`, n, nowMs - 20 * DAY_MS);
    for (let n = 0; n < HANDLERS; n += 1) add(`here${n}`, STALE + n, nowMs);
  });
});
afterEach(() => {
  store.close();
  sandbox.remove();
});

/** A phone that was taken for gone comes back, with its former token or with a new one. */
function registers(n: number): string {
  const token = n % 2 === 0 ? tokenNumber(n) : tokenNumber(2 * STALE + n);
  return registration({ user: `stale${n}`, apsDeviceToken: token });
}

test('fifty handlers register and push while it removes and compacts, and nothing is lost', async () => {
  const numbers = Array.from({ length: HANDLERS }, (_, n) => n);
  const bytesBefore = statSync(sandbox.store).size + statSync(`${sandbox.store}-wal`).size;
  const [pruned, ...handled] = await Promise.all([
    sandbox.run(['prune', '--force', '--json']),
    ...numbers.map((n) => sandbox.notify(registers(n))),
    ...numbers.map((n) => sandbox.notify(messageNew(`here${n}`))),
  ]);
  expect(pruned).toMatchObject({ stderr: '', exitCode: 0 });
  expect(handled.map(({ exitCode }) => exitCode)).toEqual(Array<number>(2 * HANDLERS).fill(0));
  // What found the database busy is in the spool.
  await sandbox.run(['flush']);
  expect(countBad(sandbox.spool)).toBe(0);

  const { targets } = JSON.parse(pruned.stdout) as { targets: { count: number } };
  const users = async (like: string): Promise<unknown[]> =>
    (await rowsOf(store, `SELECT DISTINCT user FROM targets WHERE user LIKE '${like}'`)).map(
      ({ user }) => user,
    );
  expect((await users('stale%')).sort()).toEqual(numbers.map((n) => `stale${n}`).sort());
  expect((await users('here%')).length).toBe(HANDLERS);
  const owed = await rowsOf(store, 'SELECT DISTINCT user FROM outbox JOIN targets ON targets.id = target_id');
  expect(owed.map(({ user }) => user).sort()).toEqual(numbers.map((n) => `here${n}`).sort());
  expect(targets.count).toBeGreaterThanOrEqual(STALE - HANDLERS);
  expect(statSync(sandbox.store).size).toBeLessThan(bytesBefore / 2);
}, 120_000);
