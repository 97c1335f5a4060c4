import { INBOX, type Mailbox } from '../../mailboxes/mailbox.ts';
import { AT_ONCE, dueMs } from '../../outbox/timing.ts';
import type { Enqueued, EnqueueRequest } from '../intake.ts';
import type { Sql, Transactions } from './database.ts';
import { isLiving, type Subscriber, toldOf } from '../told.ts';
import { isServed } from './presence.ts';

export async function enqueue(database: Transactions, request: EnqueueRequest): Promise<Enqueued> {
  // Most events concern users without a device: none takes the write lock for that.
  const isWanted = (sql: Sql): boolean => subscribedIn(sql, request.mailboxes).length > 0;
  const done = await database.writeWhere(isWanted, (sql) => {
    const timing = isServed(sql, request.nowMs) ? request.timing : AT_ONCE;
    const { told, enqueued } = toldOf(subscribers(sql, request), request);
    for (const each of told) join(sql, each, { ...request, timing });
    return enqueued;
  });
  return done ?? { targetIds: [], disabled: 0, denied: 0, unnamed: 0 };
}

export function subscribed(database: Transactions, mailboxes: readonly Mailbox[]): Promise<number[]> {
  return database.read((sql) => subscribedIn(sql, mailboxes));
}

function subscribedIn(sql: Sql, mailboxes: readonly Mailbox[]): number[] {
  const select = sql('SELECT target_id FROM subscriptions WHERE owner = ? AND path = ?').pluck();
  return mailboxes.flatMap(({ owner, path }) => select.all(owner, path) as number[]);
}

function subscribers(sql: Sql, { mailboxes, nowMs }: EnqueueRequest): Subscriber[] {
  // CROSS JOIN keeps this order: from the few subscriptions to what belongs to them.
  const select = sql(
    `SELECT s.target_id, t.user, t.disabled_ms IS NOT NULL, s.hash IS NOT NULL OR (s.owner = t.user AND s.path = '${INBOX}'),
       nullif(max(iif(t.last_push_ms <= @nowMs, t.last_push_ms, 0), iif(o.attempted_ms <= @nowMs, o.attempted_ms, 0)), 0)
     FROM subscriptions s CROSS JOIN targets t ON t.id = s.target_id LEFT JOIN outbox o ON o.target_id = s.target_id
     WHERE s.owner = @owner AND s.path = @path AND ${isLiving('t')}`,
  ).raw();
  return mailboxes.flatMap((mailbox) => {
    const rows = select.all({ owner: mailbox.owner, path: mailbox.path, nowMs }) as SubscriberRow[];
    return rows.map(([targetId, user, disabled, tellable, lastPushMs]) => ({
      ...{ targetId, user, lastPushMs, mailbox },
      ...{ disabled: disabled === 1, tellable: tellable === 1 },
    }));
  });
}

type SubscriberRow = [
  ...[targetId: number, user: string, disabled: number, tellable: number],
  lastPushMs: number | null,
];

/** A push that joins a row raises its generation, so that the next attempt has another apns-id. */
function join(sql: Sql, { targetId, mailbox, lastPushMs }: Subscriber, request: EnqueueRequest): void {
  const { event, isNewMail, gatheringMs, nowMs, atMs = nowMs, timing } = request;
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
    dueMs: dueMs({ event, isNewMail, gatheringMs }, nowMs, lastPushMs, timing),
  }) as {
    generation: number;
  };
  sql(
    `INSERT INTO outbox_mailboxes (target_id, owner, path, generation) VALUES (?, ?, ?, ?)
     ON CONFLICT (target_id, owner, path) DO UPDATE SET generation = excluded.generation`,
  ).run(targetId, mailbox.owner, mailbox.path, generation);
}
