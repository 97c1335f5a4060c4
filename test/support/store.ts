import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import type { ClaimedPush } from '../../src/outbox/attempt.ts';
import type { ChangeName } from '../../src/events/mail-event.ts';
import { INBOX, type Mailbox } from '../../src/mailboxes/mailbox.ts';
import { AT_ONCE } from '../../src/outbox/timing.ts';
import type { Turn } from '../../src/store/delivery.ts';
import { type OpenOptions, openDatabase, type Transactions } from '../../src/store/sqlite/database.ts';
import { connect } from '../../src/store/sqlite/driver.ts';
import { sqliteStore } from '../../src/store/sqlite/store.ts';
import type { Subscription } from '../../src/targets/subscription.ts';
import type { NewTarget } from '../../src/targets/target.ts';
import { ACCOUNT_ID, DEVICE_TOKEN } from './events.ts';

/** When the rows of these tests are made. */
export const NOW_MS = 1_700_000_000_000;

export const ALICES_INBOX: Mailbox = { owner: 'alice', path: INBOX };
export const ALICES_ARCHIVE: Mailbox = { owner: 'alice', path: 'Archive' };

/** A folder of the running test's own, removed when that ends. Others may look into it. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'xapplepush-'));
  chmodSync(folder, 0o755);
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** The store's verbs, and SQL on the database behind it, for what no verb makes or shows. */
export type TestStore = Store & Pick<Transactions, 'read' | 'write'>;

/** A new database, or another connection to that file, closed when the running test ends. */
export function testStore(file = join(temporaryFolder(), 'x.db'), busyTimeoutMs = 5000): TestStore {
  const store = openTestStore(file, { create: true, busyTimeoutMs });
  onTestFinished(() => {
    store.close();
  });
  return store;
}

/** The same of a file that the caller closes. */
export function openTestStore(file: string, options: OpenOptions = { create: true }): TestStore {
  const database = openDatabase(file, options);
  return {
    ...sqliteStore(database),
    read: database.read,
    write: database.write,
  };
}

/** All that tests fill; with the last, ids begin with 1 again (https://sqlite.org/autoinc.html). */
const FILLED = ['outbox_mailboxes', 'outbox', 'subscriptions', 'targets', 'credentials', 'sqlite_sequence'];

/** The same store as a new one, which takes far longer to make. */
export async function emptied<S extends TestStore>(store: S): Promise<S> {
  await store.write((sql) => {
    for (const table of FILLED) sql(`DELETE FROM ${table}`).run();
  });
  return store;
}

/** All rows of a query, as another connection sees them. */
export function rowsOf(
  { file }: Pick<Store, 'file'>,
  query: string,
  ...values: unknown[]
): Promise<Record<string, unknown>[]> {
  const database = connect(file, { fileMustExist: true });
  try {
    return Promise.resolve(database.prepare(query).all(...values) as Record<string, unknown>[]);
  } finally {
    database.close();
  }
}

/** The one outbox row that there is. */
export async function outboxRow(store: Store): Promise<Record<string, unknown>> {
  const rows = await rowsOf(store, 'SELECT * FROM outbox');
  if (rows.length !== 1) throw new Error(`expected one row in the outbox, found ${rows.length}`);
  return rows[0] ?? {};
}

/** What waits in the outbox, as owner:path. */
export async function waitingMailboxes(store: Store): Promise<string[]> {
  const rows = await rowsOf(store, `SELECT owner || ':' || path AS name FROM outbox_mailboxes ORDER BY name`);
  return rows.map(({ name }) => String(name));
}

export function subscription(path: string = INBOX, owner = 'alice'): Subscription {
  return { owner, path, name: path, hash: `md5 of ${path}` };
}

/** Alice's phone, subscribed to her INBOX and her Archive. */
export function newTarget(changes: Partial<NewTarget> = {}): NewTarget {
  return {
    user: 'alice',
    deviceToken: DEVICE_TOKEN,
    accountId: ACCOUNT_ID,
    subtopic: 'com.apple.mobilemail',
    apsVersion: 2,
    topic: 'com.apple.mail.XServer.test',
    source: 'cyrus',
    subscriptions: [subscription(), subscription('Archive')],
    ...changes,
  };
}

/** Registers the target and gives its id. */
export async function registered(
  store: Store,
  changes: Partial<NewTarget> = {},
  { nowMs = NOW_MS, maxPerUser = 20 } = {},
): Promise<number> {
  const target = newTarget(changes);
  await store.register(target, { nowMs, maxPerUser });
  const query = 'SELECT id FROM targets WHERE user = ? AND device_token = ? AND account_id = ?';
  const [row] = await rowsOf(store, query, target.user, target.deviceToken, target.accountId);
  return Number(row?.['id']);
}

/** Puts an event about these mailboxes into the outbox; gives the targets. Its apns-id would be `apnsId`. */
export function enqueued(
  store: Store,
  {
    mailboxes = [ALICES_INBOX],
    nowMs = NOW_MS,
    apnsId = 'first',
    event = 'MessageNew',
  }: { mailboxes?: Mailbox[]; nowMs?: number; apnsId?: string; event?: ChangeName } = {},
): Promise<number[]> {
  return store
    .enqueue({ event, mailboxes, nowMs, newApnsId: () => apnsId, timing: AT_ONCE })
    .then(({ targetIds }) => targetIds);
}

export const LEASE_MS = 30_000;

/** A turn in which nothing has ended. */
export async function claimed(store: Store, changes: Partial<Turn> = {}): Promise<ClaimedPush[]> {
  const nowMs = changes.nowMs ?? NOW_MS;
  const lease = { owner: 'one', limit: 100, maxMailboxes: 100, nowMs, leaseUntilMs: nowMs + LEASE_MS };
  const turn = await store.takeTurn({
    ...{ settled: [], wakes: undefined, server: 'https://api.push.apple.com', throttleMs: 0 },
    ...{ newApnsId: () => 'fresh', ...lease, ...changes },
  });
  return turn.pushes;
}

/** The one push that is claimed. */
export async function claimedOne(store: Store, changes: Partial<Turn> = {}): Promise<ClaimedPush> {
  const [push, ...others] = await claimed(store, changes);
  if (push === undefined || others.length > 0) throw new Error('expected one push to be claimed');
  return push;
}

/** Another connection writes to the database until the test ends or the lock is given back. */
export function holdWriteLock(file: string): { release: () => void } {
  const other = connect(file);
  other.exec('BEGIN IMMEDIATE');
  const release = (): void => {
    other.close();
  };
  onTestFinished(release);
  return { release };
}
