import type { Sql, Store } from '../db.ts';
import type { ChangeName } from '../events/mail-event.ts';
import type { Mailbox } from '../mailboxes/mailbox.ts';
import { isServed } from './served.ts';
import { AT_ONCE, dueMs, type Timing } from './timing.ts';

/** Why a row waits although it was tried; `wake` releases those that one success shows to be over. */
export type Hold = 'device' | 'apple' | 'connection' | 'credential' | 'topic' | 'gone';

/** A row that this process has leased, with all that a push needs. Times are milliseconds since the epoch. */
export interface ClaimedPush {
  targetId: number;
  user: string;
  deviceToken: string;
  accountId: string;
  /** The topic that the phone was told; '' if unknown. */
  topic: string;
  renewedMs: number;
  /** Random, and the row's own: of this each attempt's apns-id is made, see apns-id.ts. */
  apnsId: string;
  event: ChangeName;
  /** What has joined the row after this generation is not in this push. */
  generation: number;
  /** Counts the one that is about to be made. */
  attempts: number;
  /** When its latest event happened. */
  eventMs: number;
  /** When its first event was taken: what came late through the spool is not given up for its age. */
  enqueuedMs: number;
  /** At most the limit given to `claim`; `inbox` marks the INBOX of the target's own user. */
  mailboxes: (Mailbox & { hash: string | undefined; inbox: boolean })[];
}

export interface EnqueueRequest {
  event: ChangeName;
  mailboxes: Mailbox[];
  nowMs: number;
  /** When it happened, where that was before: what lay in the spool. One in the future counts as now. */
  atMs?: number | undefined;
  /** Makes a new row's random UUID. */
  newApnsId: () => string;
  /** Whether a user may hear of a mailbox that is not the user's own; everybody by default. */
  mayRead?: (user: string, mailbox: Mailbox) => boolean;
  /** Holds while a `serve` runs on this store; else every push is due at once. */
  timing: Timing;
}

export interface Enqueued {
  /** Targets that a push is now owed to. */
  targetIds: number[];
  /** How many more asked for it and get no pushes until they register again. */
  disabled: number;
  /** How many more asked for it and may not read it. */
  denied: number;
}

/**
 * Puts one push into the outbox for each target subscribed to one of the mailboxes. A push that is waiting is joined:
 * its mailboxes merge, and it is due now unless Apple asked us to leave this device alone.
 */
export async function enqueue(store: Store, request: EnqueueRequest): Promise<Enqueued> {
  // Most events concern users without a device: they never take the write lock.
  const found = await subscribed(store, request.mailboxes);
  if (found.length === 0) return enqueued([], []);
  return store.write((sql) => {
    const timing = isServed(sql, request.nowMs) ? request.timing : AT_ONCE;
    const all = subscribers(sql, request.mailboxes);
    const targets = all.filter((each) => isAllowed(each, request));
    for (const { targetId, mailbox, disabled } of targets)
      if (!disabled) join(sql, targetId, mailbox, { ...request, timing });
    return enqueued(targets, all);
  });
}

/** The ids of targets that asked for one of the mailboxes. One index is all that it reads, however many there are. */
export function subscribed(store: Store, mailboxes: readonly Mailbox[]): Promise<number[]> {
  return store.read((sql) => {
    const select = sql('SELECT target_id AS id FROM subscriptions WHERE owner = ? AND path = ?');
    return mailboxes.flatMap(({ owner, path }) =>
      (select.all(owner, path) as { id: number }[]).map(({ id }) => id),
    );
  });
}

interface Subscriber {
  targetId: number;
  user: string;
  mailbox: Mailbox;
  disabled: boolean;
}

function subscribers(sql: Sql, mailboxes: Mailbox[]): Subscriber[] {
  const select = sql(
    `SELECT target_id AS targetId, user, disabled_ms IS NOT NULL AS disabled
     FROM subscriptions JOIN targets ON id = target_id WHERE owner = ? AND path = ?`,
  );
  return mailboxes.flatMap((mailbox) =>
    (select.all(mailbox.owner, mailbox.path) as { targetId: number; user: string; disabled: number }[]).map(
      ({ disabled, ...target }) => ({ ...target, mailbox, disabled: disabled === 1 }),
    ),
  );
}

/** The owner always is. */
function isAllowed({ user, mailbox }: Subscriber, { mayRead }: EnqueueRequest): boolean {
  return mailbox.owner === user || mayRead === undefined || mayRead(user, mailbox);
}

function enqueued(subscribers: readonly Subscriber[], all: readonly Subscriber[]): Enqueued {
  const ids = (wanted: boolean): Set<number> =>
    new Set(subscribers.filter(({ disabled }) => disabled === wanted).map(({ targetId }) => targetId));
  const allowed = new Set(subscribers.map(({ targetId }) => targetId));
  const denied = new Set(all.map(({ targetId }) => targetId).filter((id) => !allowed.has(id)));
  return { targetIds: [...ids(false)], disabled: ids(true).size, denied: denied.size };
}

/** What joins a row raises its generation, and by that gives its next attempt another apns-id. */
function join(sql: Sql, targetId: number, mailbox: Mailbox, request: EnqueueRequest): void {
  const { event, nowMs, atMs = nowMs, timing } = request;
  const { generation } = sql(
    `INSERT INTO outbox (target_id, apns_id, generation, event, enqueued_ms, event_ms, due_ms)
     VALUES (@targetId, @apnsId, 1, @event, @nowMs, @eventMs, @dueMs)
     ON CONFLICT (target_id) DO UPDATE SET
       generation = generation + 1,
       event = excluded.event,
       event_ms = max(iif(event_ms <= @nowMs, event_ms, 0), excluded.event_ms),
       due_ms = CASE WHEN held_by = 'device' AND attempted_ms <= @nowMs THEN due_ms ELSE min(due_ms, excluded.due_ms) END
     RETURNING generation`,
  ).get({
    targetId,
    apnsId: request.newApnsId(),
    event,
    nowMs,
    eventMs: Math.min(atMs, nowMs),
    dueMs: dueMs(event, nowMs, lastPushMs(sql, targetId, nowMs), timing),
  }) as {
    generation: number;
  };
  sql(
    `INSERT INTO outbox_mailboxes (target_id, owner, path, generation) VALUES (?, ?, ?, ?)
     ON CONFLICT (target_id, owner, path) DO UPDATE SET generation = excluded.generation`,
  ).run(targetId, mailbox.owner, mailbox.path, generation);
}

/** Includes the attempt that is under way. What lies in the future was written by a clock that was ahead. */
function lastPushMs(sql: Sql, targetId: number, nowMs: number): number | null {
  const row = sql(
    `SELECT nullif(max(iif(t.last_push_ms <= @nowMs, t.last_push_ms, 0),
       iif(o.attempted_ms <= @nowMs, o.attempted_ms, 0)), 0) AS ms
     FROM targets t LEFT JOIN outbox o ON o.target_id = t.id WHERE t.id = @targetId`,
  ).get({ targetId, nowMs }) as { ms: number | null };
  return row.ms;
}

/** How much is owed: rows, and when the next one may be tried; undefined when none. */
export function owed(store: Store): Promise<{ rows: number; nextMs: number | undefined }> {
  return store.read((sql) => {
    const row = sql(
      'SELECT count(*) AS rows, min(max(due_ms, coalesce(lease_until_ms, 0))) AS nextMs FROM outbox',
    ).get() as { rows: number; nextMs: number | null };
    return { rows: row.rows, nextMs: row.nextMs ?? undefined };
  });
}

/**
 * When the next row may be tried, as `owed` says it; undefined when none is owed. Found by the index, however many
 * are owed: what is leased was due before what is not, or is all that is due.
 */
export function nextDueMs(store: Store): Promise<number | undefined> {
  return store.read((sql) => {
    const free = sql(
      'SELECT due_ms AS ms FROM outbox WHERE lease_owner IS NULL ORDER BY due_ms LIMIT 1',
    ).get();
    const freeMs = (free as { ms: number } | undefined)?.ms ?? Number.MAX_SAFE_INTEGER;
    const leased = sql(
      'SELECT min(lease_until_ms) AS ms FROM outbox WHERE lease_owner IS NOT NULL AND due_ms < ?',
    ).get(freeMs) as { ms: number | null };
    const ms = Math.min(freeMs, leased.ms ?? Infinity);
    return ms === Number.MAX_SAFE_INTEGER ? undefined : ms;
  });
}

/** Those of the given targets that a push is still owed to. */
export function stillOwed(store: Store, targetIds: readonly number[]): Promise<number[]> {
  return store.read((sql) => {
    const select = sql('SELECT 1 FROM outbox WHERE target_id = ?');
    return targetIds.filter((id) => select.get(id) !== undefined);
  });
}
