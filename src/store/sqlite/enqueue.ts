import type { Mailbox } from '../../mailboxes/mailbox.ts';
import { AT_ONCE, dueMs } from '../../outbox/timing.ts';
import type { Enqueued, EnqueueRequest } from '../intake.ts';
import type { Sql, Transactions } from './database.ts';
import { isServed } from './presence.ts';

export async function enqueue(database: Transactions, request: EnqueueRequest): Promise<Enqueued> {
  // Most events concern users without a device: they never take the write lock.
  const found = await subscribed(database, request.mailboxes);
  if (found.length === 0) return enqueued([], []);
  return database.write((sql) => {
    const timing = isServed(sql, request.nowMs) ? request.timing : AT_ONCE;
    const all = subscribers(sql, request.mailboxes);
    const targets = all.filter((each) => isAllowed(each, request));
    for (const { targetId, mailbox, disabled } of targets)
      if (!disabled) join(sql, targetId, mailbox, { ...request, timing });
    return enqueued(targets, all);
  });
}

export function subscribed(database: Transactions, mailboxes: readonly Mailbox[]): Promise<number[]> {
  return database.read((sql) => {
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

/** A push that joins a row raises its generation, so that the next attempt has another apns-id. */
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
