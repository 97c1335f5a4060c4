import type { Endpoint } from '../../services/endpoint.ts';
import type { Notice } from '../../services/service.ts';
import type { ClaimedNotice, NoticeRequest, NoticeTurn, SettledNotice } from '../endpoints.ts';
import { FREE } from '../free.ts';
import { type Database, MAY_BE_LOST, type Sql } from './database.ts';
import { columnsOf } from './endpoints.ts';
import { NEWS } from './news.ts';

export async function enqueueNotices(
  database: Database,
  { users, services, endpointId, isUnproven = false, notice, nowMs, throttleMs, newId }: NoticeRequest,
): Promise<{ endpointIds: number[] }> {
  const rows = await database.ask((sql) =>
    sql.rows<{ id: number }>(ENQUEUE, {
      ...{ users, services, endpointId, isUnproven, nowMs, throttleMs },
      ...{ idSeed: newId(), event: notice.event, mailbox: notice.mailbox },
      eventMs: Math.min(notice.eventMs, nowMs),
    }),
  );
  return { endpointIds: rows.map(({ id }) => id) };
}

/** A notice that joins a row raises its generation; the row keeps the earlier time. Each row has an id of its own. */
const ENQUEUE = `
  WITH wanted AS (
    SELECT e.id, greatest(CASE WHEN e.last_success_ms <= @nowMs THEN e.last_success_ms ELSE 0 END,
      CASE WHEN n.attempted_ms <= @nowMs THEN n.attempted_ms ELSE 0 END) AS last_ms
    FROM xapplepush.endpoints e LEFT JOIN xapplepush.notices n ON n.endpoint_id = e.id
    WHERE e.user_name = ANY(@users::text[]) AND e.service = ANY(@services::text[])
      AND (@endpointId::bigint IS NULL OR e.id = @endpointId::bigint) AND (e.proven_ms IS NULL) = @isUnproven::boolean
      AND (e.expires_ms IS NULL OR e.expires_ms > @nowMs)),
  joined AS (
    INSERT INTO xapplepush.notices AS n (endpoint_id, notice_id, generation, event, mailbox, enqueued_ms, event_ms, due_ms)
    SELECT id, uuid_in(md5(@idSeed::text || id)::cstring)::text, 1, @event::text, @mailbox::text, @nowMs, @eventMs,
      greatest(@nowMs, last_ms + @throttleMs)
    FROM wanted ORDER BY id
    ON CONFLICT (endpoint_id) DO UPDATE SET generation = n.generation + 1, event = excluded.event,
      mailbox = excluded.mailbox,
      event_ms = greatest(CASE WHEN n.event_ms <= @nowMs THEN n.event_ms ELSE 0 END, excluded.event_ms),
      due_ms = CASE WHEN n.attempts > 0 AND n.attempted_ms <= @nowMs THEN n.due_ms
        ELSE least(n.due_ms, excluded.due_ms) END
    RETURNING endpoint_id AS id),
  news AS MATERIALIZED (SELECT ${NEWS} WHERE EXISTS (SELECT 1 FROM joined))
  SELECT id FROM joined, (SELECT count(*) FROM news) AS told ORDER BY id`;

/** A power cut of the server may undo it: then a notice goes once more, under the same id. */
export function takeNotices(database: Database, turn: NoticeTurn): Promise<ClaimedNotice[]> {
  let runs = 0;
  return database.transact(async (sql) => {
    runs += 1;
    if (runs > 1) await giveBackIn(sql, turn);
    for (const each of turn.settled) await settle(sql, each, turn);
    return turn.limit > 0 ? claim(sql, turn) : [];
  }, MAY_BE_LOST);
}

/** What a run has leased whose commit was not heard: nobody has sent it. */
async function giveBackIn(sql: Sql, { owner, leaseUntilMs }: NoticeTurn): Promise<void> {
  await sql.change(
    `UPDATE xapplepush.notices SET attempts = attempts - 1, lease_owner = NULL, lease_until_ms = NULL
     WHERE lease_owner = @owner AND lease_until_ms = @leaseUntilMs`,
    { owner, leaseUntilMs },
  );
}

async function settle(sql: Sql, { claimed, settlement }: SettledNotice, turn: NoticeTurn): Promise<void> {
  const { endpoint, generation } = claimed;
  const { nowMs, throttleMs, owner, newId } = turn;
  const { row, removeEndpoint, reason } = settlement;
  const { id, renewedMs } = endpoint;
  // Unless it has been registered again meanwhile.
  if (removeEndpoint)
    await sql.change('DELETE FROM xapplepush.endpoints WHERE id = @id AND renewed_ms = @renewedMs', {
      id,
      renewedMs,
    });
  await sql.change(reason === undefined ? SUCCEEDED : FAILED, { id, nowMs, reason });
  if (row !== 'finished') await sql.change(POSTPONE, { id, owner, dueMs: row.retryAtMs });
  else if ((await sql.change(FINISH, { id, owner, generation })) === 0)
    await sql.change(GO_ON, { id, owner, noticeId: newId(), nowMs, dueMs: nowMs + throttleMs });
}

const SUCCEEDED = `UPDATE xapplepush.endpoints SET proven_ms = coalesce(proven_ms, @nowMs), last_success_ms = @nowMs,
  failures = 0 WHERE id = @id`;
const FAILED = `UPDATE xapplepush.endpoints SET last_error = @reason, last_error_ms = @nowMs, failures = failures + 1
  WHERE id = @id`;

/** Only of a row that is still ours: whoever has taken it over settles it. */
const OURS = 'endpoint_id = @id AND lease_owner = @owner';
const POSTPONE = `UPDATE xapplepush.notices SET due_ms = @dueMs, lease_owner = NULL, lease_until_ms = NULL WHERE ${OURS}`;
const FINISH = `DELETE FROM xapplepush.notices WHERE ${OURS} AND generation = @generation`;

/** What has joined it meanwhile is a notice of its own. */
const GO_ON = `UPDATE xapplepush.notices SET notice_id = @noticeId, attempts = 0, enqueued_ms = @nowMs, due_ms = @dueMs,
  lease_owner = NULL, lease_until_ms = NULL WHERE ${OURS}`;

async function claim(sql: Sql, { owner, nowMs, limit, leaseUntilMs }: NoticeTurn): Promise<ClaimedNotice[]> {
  await sql.change(DROP_EXPIRED, { nowMs });
  const rows = await sql.rows<Endpoint & NoticeColumns>(CLAIM, { owner, nowMs, limit, leaseUntilMs });
  return rows.map(claimedOf);
}

/** Whose endpoint has run out does not wait any more; what another one is at is passed over. */
const DROP_EXPIRED = `DELETE FROM xapplepush.notices WHERE endpoint_id IN (
  SELECT n.endpoint_id FROM xapplepush.notices n JOIN xapplepush.endpoints e ON e.id = n.endpoint_id
  WHERE n.due_ms <= @nowMs AND n.lease_owner IS NULL AND e.expires_ms <= @nowMs FOR UPDATE OF n SKIP LOCKED)`;

/** The longest due first. */
const CLAIM = `
  WITH due AS MATERIALIZED (SELECT endpoint_id FROM xapplepush.notices WHERE due_ms <= @nowMs AND ${FREE}
    ORDER BY due_ms LIMIT @limit FOR UPDATE SKIP LOCKED),
  leased AS (
    UPDATE xapplepush.notices n SET attempts = attempts + 1, attempted_ms = @nowMs, lease_owner = @owner,
      lease_until_ms = @leaseUntilMs
    FROM due WHERE n.endpoint_id = due.endpoint_id RETURNING n.*)
  SELECT ${columnsOf('e')}, l.notice_id AS "noticeId", l.event, l.mailbox, l.event_ms AS "eventMs", l.generation, l.attempts,
    l.enqueued_ms AS "enqueuedMs"
  FROM leased l JOIN xapplepush.endpoints e ON e.id = l.endpoint_id ORDER BY l.due_ms, l.endpoint_id`;

interface NoticeColumns {
  noticeId: string;
  event: Notice['event'];
  mailbox: string;
  eventMs: number;
  generation: number;
  attempts: number;
  enqueuedMs: number;
}

function claimedOf(row: Endpoint & NoticeColumns): ClaimedNotice {
  const { noticeId, event, mailbox, eventMs, generation, attempts, enqueuedMs, ...endpoint } = row;
  return {
    ...{ endpoint, generation, attempts, enqueuedMs },
    notice: { id: noticeId, event, mailbox, eventMs },
  };
}

/** A leased row counts from when its lease ends. */
export async function nextNoticeDueMs(database: Database): Promise<number | undefined> {
  const row = await database.ask((sql) =>
    sql.row<{ ms: number | null }>(
      'SELECT min(greatest(due_ms, coalesce(lease_until_ms, 0))) AS ms FROM xapplepush.notices',
    ),
  );
  return row?.ms ?? undefined;
}

export async function noticeOwners(database: Database): Promise<string[]> {
  const rows = await database.ask((sql) =>
    sql.rows<{ owner: string }>(
      'SELECT DISTINCT lease_owner AS owner FROM xapplepush.notices WHERE lease_owner IS NOT NULL',
    ),
  );
  return rows.map(({ owner }) => owner);
}

export function releaseNotices(database: Database, owners: readonly string[]): Promise<number> {
  return database.transact(
    (sql) =>
      sql.change(
        `UPDATE xapplepush.notices SET lease_owner = NULL, lease_until_ms = NULL WHERE lease_owner = ANY(@owners::text[])`,
        { owners },
      ),
    MAY_BE_LOST,
  );
}

export async function makeNoticesDue(database: Database, nowMs: number): Promise<number> {
  const row = await database.ask((sql) =>
    sql.row<{ rows: number }>(
      `WITH due AS (UPDATE xapplepush.notices SET due_ms = @nowMs WHERE due_ms > @nowMs AND lease_owner IS NULL
         RETURNING 1)
       SELECT count(*) AS rows, ${NEWS} FROM due`,
      { nowMs },
    ),
  );
  return row?.rows ?? 0;
}

export async function countNotices(
  database: Database,
): Promise<{ notices: number; oldestMs: number | undefined }> {
  const row = await database.ask((sql) =>
    sql.row<{ notices: number; oldestMs: number | null }>(
      'SELECT count(*) AS notices, min(enqueued_ms) AS "oldestMs" FROM xapplepush.notices',
    ),
  );
  return { notices: row?.notices ?? 0, oldestMs: row?.oldestMs ?? undefined };
}
