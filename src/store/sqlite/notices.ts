import type { Endpoint } from '../../services/endpoint.ts';
import type { Notice } from '../../services/service.ts';
import type { ClaimedNotice, NoticeRequest, NoticeTurn, SettledNotice } from '../endpoints.ts';
import { FREE } from '../free.ts';
import { MAY_BE_LOST, type Sql, type Transactions } from './database.ts';
import { columnsOf } from './endpoints.ts';
import { OF_OWNERS } from './leases.ts';

export function enqueueNotices(
  database: Transactions,
  request: NoticeRequest,
): Promise<{ endpointIds: number[] }> {
  const isWanted = (sql: Sql): boolean => addresseesIn(sql, request).length > 0;
  return database
    .writeWhere(isWanted, (sql) => {
      const addressees = addresseesIn(sql, request);
      for (const each of addressees) join(sql, each, request);
      return { endpointIds: addressees.map(({ id }) => id) };
    })
    .then((done) => done ?? { endpointIds: [] });
}

interface NoticeAddressee {
  id: number;
  /** When it was told last; 0 where it never was, or in the future. */
  lastMs: number;
}

function addresseesIn(
  sql: Sql,
  { users, services, endpointId, isUnproven = false, nowMs }: NoticeRequest,
): NoticeAddressee[] {
  return sql(
    `SELECT e.id, max(iif(e.last_success_ms <= @nowMs, e.last_success_ms, 0), iif(n.attempted_ms <= @nowMs, n.attempted_ms, 0),
       0) AS lastMs
     FROM endpoints e LEFT JOIN notices n ON n.endpoint_id = e.id
     WHERE e.user IN (SELECT value FROM json_each(@users)) AND e.service IN (SELECT value FROM json_each(@services))
       AND (@endpointId IS NULL OR e.id = @endpointId) AND (e.proven_ms IS NULL) = @isUnproven
       AND (e.expires_ms IS NULL OR e.expires_ms > @nowMs)
     ORDER BY e.id`,
  ).all({
    nowMs,
    users: JSON.stringify(users),
    services: JSON.stringify(services),
    endpointId: endpointId ?? null,
    isUnproven: isUnproven ? 1 : 0,
  }) as NoticeAddressee[];
}

/** A notice that joins a row raises its generation; the row keeps the earlier time. */
function join(
  sql: Sql,
  { id, lastMs }: NoticeAddressee,
  { notice, nowMs, throttleMs, newId }: NoticeRequest,
): void {
  sql(
    `INSERT INTO notices (endpoint_id, notice_id, generation, event, mailbox, enqueued_ms, event_ms, due_ms)
     VALUES (@id, @noticeId, 1, @event, @mailbox, @nowMs, @eventMs, @dueMs)
     ON CONFLICT (endpoint_id) DO UPDATE SET generation = generation + 1, event = excluded.event,
       mailbox = excluded.mailbox, event_ms = max(iif(event_ms <= @nowMs, event_ms, 0), excluded.event_ms),
       due_ms = iif(attempts > 0 AND attempted_ms <= @nowMs, due_ms, min(due_ms, excluded.due_ms))`,
  ).run({
    ...{ id, noticeId: newId(), event: notice.event, mailbox: notice.mailbox, nowMs },
    eventMs: Math.min(notice.eventMs, nowMs),
    dueMs: Math.max(nowMs, lastMs + throttleMs),
  });
}

/** A power cut may undo it: then a notice goes once more, under the same id. */
export function takeNotices(database: Transactions, turn: NoticeTurn): Promise<ClaimedNotice[]> {
  return database.write((sql) => {
    for (const each of turn.settled) settle(sql, each, turn);
    return turn.limit > 0 ? claim(sql, turn) : [];
  }, MAY_BE_LOST);
}

function settle(sql: Sql, { claimed, settlement }: SettledNotice, turn: NoticeTurn): void {
  const { endpoint, generation } = claimed;
  const { nowMs, throttleMs } = turn;
  const { row, removeEndpoint, reason } = settlement;
  // Unless it has been registered again meanwhile.
  if (removeEndpoint)
    sql('DELETE FROM endpoints WHERE id = ? AND renewed_ms = ?').run(endpoint.id, endpoint.renewedMs);
  if (reason === undefined) sql(SUCCEEDED).run({ id: endpoint.id, nowMs });
  else sql(FAILED).run({ id: endpoint.id, nowMs, reason });
  const ofRow = { id: endpoint.id, owner: turn.owner };
  if (row !== 'finished') sql(POSTPONE).run({ ...ofRow, dueMs: row.retryAtMs });
  else if (sql(FINISH).run({ ...ofRow, generation }).changes === 0)
    sql(GO_ON).run({ ...ofRow, noticeId: turn.newId(), nowMs, dueMs: nowMs + throttleMs });
}

const SUCCEEDED = `UPDATE endpoints SET proven_ms = coalesce(proven_ms, @nowMs), last_success_ms = @nowMs, failures = 0
  WHERE id = @id`;
const FAILED = `UPDATE endpoints SET last_error = @reason, last_error_ms = @nowMs, failures = failures + 1 WHERE id = @id`;

/** Only of a row that is still ours: whoever has taken it over settles it. */
const OURS = 'endpoint_id = @id AND lease_owner = @owner';
const POSTPONE = `UPDATE notices SET due_ms = @dueMs, lease_owner = NULL, lease_until_ms = NULL WHERE ${OURS}`;
const FINISH = `DELETE FROM notices WHERE ${OURS} AND generation = @generation`;

/** What has joined it meanwhile is a notice of its own. */
const GO_ON = `UPDATE notices SET notice_id = @noticeId, attempts = 0, enqueued_ms = @nowMs, due_ms = @dueMs,
  lease_owner = NULL, lease_until_ms = NULL WHERE ${OURS}`;

function claim(sql: Sql, { owner, nowMs, limit, leaseUntilMs }: NoticeTurn): ClaimedNotice[] {
  sql(DROP_EXPIRED).run({ nowMs });
  const ids = sql(LEASE).pluck().all({ owner, nowMs, limit, leaseUntilMs }) as number[];
  const rows = sql(CLAIMED).all({ ids: JSON.stringify(ids) }) as (Endpoint & NoticeColumns)[];
  return rows.map(claimedOf);
}

/** Whose endpoint has run out does not wait any more. */
const DROP_EXPIRED = `DELETE FROM notices WHERE due_ms <= @nowMs AND lease_owner IS NULL
  AND endpoint_id IN (SELECT id FROM endpoints WHERE expires_ms <= @nowMs)`;

/** The longest due first. */
const LEASE = `UPDATE notices SET attempts = attempts + 1, attempted_ms = @nowMs, lease_owner = @owner,
    lease_until_ms = @leaseUntilMs
  WHERE endpoint_id IN (SELECT endpoint_id FROM notices WHERE due_ms <= @nowMs AND ${FREE} ORDER BY due_ms LIMIT @limit)
  RETURNING endpoint_id`;

const CLAIMED = `SELECT ${columnsOf('e')}, n.notice_id AS noticeId, n.event, n.mailbox, n.event_ms AS eventMs, n.generation,
    n.attempts, n.enqueued_ms AS enqueuedMs
  FROM json_each(@ids) ids CROSS JOIN notices n ON n.endpoint_id = ids.value CROSS JOIN endpoints e ON e.id = n.endpoint_id
  ORDER BY n.due_ms, e.id`;

interface NoticeColumns {
  noticeId: string;
  event: Notice['event'];
  mailbox: string;
  eventMs: number;
  generation: number;
  attempts: number;
  enqueuedMs: number;
}

function claimedOf({
  noticeId,
  event,
  mailbox,
  eventMs,
  generation,
  attempts,
  enqueuedMs,
  ...endpoint
}: Endpoint & NoticeColumns): ClaimedNotice {
  return {
    ...{ endpoint, generation, attempts, enqueuedMs },
    notice: { id: noticeId, event, mailbox, eventMs },
  };
}

/** The free row that is due first, by the index; leased ones were due before it, or are all that is due. */
export function nextNoticeDueMs(database: Transactions): Promise<number | undefined> {
  return database.read((sql) => {
    const { ms } = sql(
      `SELECT min(iif(lease_owner IS NULL, due_ms, max(due_ms, lease_until_ms))) AS ms FROM notices`,
    ).get() as { ms: number | null };
    return ms ?? undefined;
  });
}

export function noticeOwners(database: Transactions): Promise<string[]> {
  return database.read(
    (sql) =>
      sql('SELECT DISTINCT lease_owner FROM notices WHERE lease_owner IS NOT NULL').pluck().all() as string[],
  );
}

export function releaseNotices(database: Transactions, owners: readonly string[]): Promise<number> {
  return database.write(
    (sql) =>
      sql(`UPDATE notices SET lease_owner = NULL, lease_until_ms = NULL WHERE ${OF_OWNERS}`).run({
        owners: JSON.stringify(owners),
      }).changes,
    MAY_BE_LOST,
  );
}

export function makeNoticesDue(database: Transactions, nowMs: number): Promise<number> {
  return database.write(
    (sql) =>
      sql('UPDATE notices SET due_ms = @nowMs WHERE due_ms > @nowMs AND lease_owner IS NULL').run({ nowMs })
        .changes,
  );
}

export function countNotices(
  database: Transactions,
): Promise<{ notices: number; oldestMs: number | undefined }> {
  return database.read((sql) => {
    const { notices, oldestMs } = sql(
      'SELECT count(*) AS notices, min(enqueued_ms) AS oldestMs FROM notices',
    ).get() as { notices: number; oldestMs: number | null };
    return { notices, oldestMs: oldestMs ?? undefined };
  });
}
