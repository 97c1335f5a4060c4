import type { ChangeName } from '../../events/mail-event.ts';
import type { Mailbox } from '../../mailboxes/mailbox.ts';
import type { Sql } from './database.ts';
import { NEWS } from './news.ts';

/** One event in one mailbox, for one target. */
export interface Joining {
  targetId: number;
  mailbox: Mailbox;
  apnsId: string;
  event: ChangeName;
  nowMs: number;
  eventMs: number;
  dueMs: number;
}

/** What a statement does to one row of the outbox, which it may touch once only. */
interface Row extends Omit<Joining, 'mailbox'> {
  /** How many have come together in it. */
  joined: number;
  /** Each with the place of its latest among them. */
  mailboxes: Map<string, { mailbox: Mailbox; place: number }>;
}

/**
 * Puts them into the outbox, in one statement that locks rows by their ids, so that no two of them wait for each other;
 * tells every host once. Whose target has gone meanwhile is left out.
 */
export async function joinOutbox(sql: Sql, joining: readonly Joining[]): Promise<void> {
  const rows = [...together(joining).values()].sort((a, b) => a.targetId - b.targetId);
  const mailboxes = rows.flatMap(({ targetId, joined, mailboxes: all }) =>
    [...all.values()].map(({ mailbox, place }) => ({ targetId, ...mailbox, behind: joined - place })),
  );
  await sql.change(JOIN, {
    ids: rows.map(({ targetId }) => targetId),
    apnsIds: rows.map(({ apnsId }) => apnsId),
    joined: rows.map(({ joined }) => joined),
    events: rows.map(({ event }) => event),
    nows: rows.map(({ nowMs }) => nowMs),
    eventTimes: rows.map(({ eventMs }) => eventMs),
    dues: rows.map(({ dueMs }) => dueMs),
    mailboxIds: mailboxes.map(({ targetId }) => targetId),
    owners: mailboxes.map(({ owner }) => owner),
    paths: mailboxes.map(({ path }) => path),
    behind: mailboxes.map(({ behind }) => behind),
  });
}

function together(joining: readonly Joining[]): Map<number, Row> {
  const rows = new Map<number, Row>();
  for (const { mailbox, ...one } of joining) {
    const row = rows.get(one.targetId) ?? { ...one, joined: 0, mailboxes: new Map() };
    row.joined += 1;
    row.event = one.event;
    row.eventMs = Math.max(row.eventMs, one.eventMs);
    row.dueMs = Math.min(row.dueMs, one.dueMs);
    row.mailboxes.set(`${mailbox.owner}\0${mailbox.path}`, { mailbox, place: row.joined });
    rows.set(one.targetId, row);
  }
  return rows;
}

/** A push that joins a row raises its generation, so that the next attempt has another apns-id. */
const JOIN = `
  WITH joined AS (
    INSERT INTO xapplepush.outbox AS o (target_id, apns_id, generation, event, enqueued_ms, event_ms, due_ms)
    SELECT g.* FROM unnest(@ids::bigint[], @apnsIds::text[], @joined::bigint[], @events::text[], @nows::bigint[],
      @eventTimes::bigint[], @dues::bigint[]) AS g (target_id, apns_id, generation, event, now_ms, event_ms, due_ms)
    JOIN xapplepush.targets t ON t.id = g.target_id ORDER BY g.target_id
    ON CONFLICT (target_id) DO UPDATE SET
      generation = o.generation + excluded.generation,
      event = excluded.event,
      event_ms = greatest(CASE WHEN o.event_ms <= excluded.enqueued_ms THEN o.event_ms ELSE 0 END, excluded.event_ms),
      due_ms = CASE WHEN o.held_by = 'device' AND o.attempted_ms <= excluded.enqueued_ms THEN o.due_ms
        ELSE least(o.due_ms, excluded.due_ms) END
    RETURNING o.target_id, o.generation),
  told AS (
    INSERT INTO xapplepush.outbox_mailboxes (target_id, owner, path, generation)
    SELECT m.target_id, m.owner, m.path, j.generation - m.behind
    FROM unnest(@mailboxIds::bigint[], @owners::text[], @paths::text[], @behind::bigint[])
      AS m (target_id, owner, path, behind) JOIN joined j USING (target_id)
    ORDER BY m.target_id, m.owner, m.path
    ON CONFLICT (target_id, owner, path) DO UPDATE SET generation = excluded.generation)
  SELECT ${NEWS}`;
