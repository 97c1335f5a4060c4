import type { Endpoint } from '../../services/endpoint.ts';
import type { MetadataPlace, MovingMetadata, MovingNotice, ServiceArrivals } from '../moving-services.ts';
import type { Sql, Transactions } from './database.ts';

export function movingNotices(
  database: Transactions,
  endpointIds: readonly number[],
): Promise<MovingNotice[]> {
  return database.read(
    (sql) =>
      sql(
        `SELECT e.user, e.service, e.fingerprint, n.notice_id AS noticeId, n.generation, n.event, n.mailbox,
           n.enqueued_ms AS enqueuedMs, n.event_ms AS eventMs, n.due_ms AS dueMs, n.attempts, n.attempted_ms AS attemptedMs
         FROM notices n JOIN endpoints e ON e.id = n.endpoint_id
         WHERE n.endpoint_id IN (SELECT value FROM json_each(?)) ORDER BY n.endpoint_id`,
      ).all(JSON.stringify(endpointIds)) as MovingNotice[],
  );
}

export function takeEndpoints(
  database: Transactions,
  { ids, afterId }: { ids: ServiceArrivals; afterId: number },
  endpoints: readonly Endpoint[],
  notices: readonly MovingNotice[],
): Promise<void> {
  return database.write((sql) => {
    for (const endpoint of endpoints) sql(TAKE_ENDPOINT).run(endpoint);
    const taken = notices.reduce((sum, notice) => sum + sql(TAKE_NOTICE).run(notice).changes, 0);
    noteArrival(sql, { id: ids.endpoints, afterId, taken: endpoints.length });
    noteArrival(sql, { id: ids.notices, afterId, taken });
  });
}

/** What proved it before holds for the same fingerprint. */
const TAKE_ENDPOINT = `
  INSERT INTO endpoints (user, service, address, fingerprint, registered_ms, renewed_ms, expires_ms, proven_ms,
    last_success_ms, last_error, last_error_ms, failures)
  VALUES (@user, @service, @address, @fingerprint, @registeredMs, @renewedMs, @expiresMs, @provenMs, @lastSuccessMs,
    @lastError, @lastErrorMs, @failures)
  ON CONFLICT (user, service, fingerprint) DO UPDATE SET
    address = iif(excluded.renewed_ms > renewed_ms, excluded.address, address),
    expires_ms = iif(excluded.renewed_ms > renewed_ms, excluded.expires_ms, expires_ms),
    renewed_ms = max(renewed_ms, excluded.renewed_ms), registered_ms = min(registered_ms, excluded.registered_ms),
    proven_ms = coalesce(proven_ms, excluded.proven_ms)`;

/** One that joins a row tells the newer event, as another event does. */
const TAKE_NOTICE = `
  INSERT INTO notices (endpoint_id, notice_id, generation, event, mailbox, enqueued_ms, event_ms, due_ms, attempts,
    attempted_ms)
  SELECT id, @noticeId, @generation, @event, @mailbox, @enqueuedMs, @eventMs, @dueMs, @attempts, @attemptedMs
  FROM endpoints WHERE user = @user AND service = @service AND fingerprint = @fingerprint
  ON CONFLICT (endpoint_id) DO UPDATE SET generation = generation + 1,
    event = iif(excluded.event_ms > event_ms, excluded.event, event),
    mailbox = iif(excluded.event_ms > event_ms, excluded.mailbox, mailbox),
    event_ms = max(event_ms, excluded.event_ms), enqueued_ms = min(enqueued_ms, excluded.enqueued_ms),
    due_ms = min(due_ms, excluded.due_ms)`;

/** The table is there: a move begins by it. */
function noteArrival(sql: Sql, arrival: { id: string; afterId: number; taken: number }): void {
  sql(
    `INSERT INTO arrivals (id, after_target_id, pushes) VALUES (@id, @afterId, @taken)
     ON CONFLICT (id) DO UPDATE SET after_target_id = excluded.after_target_id, pushes = pushes + excluded.pushes`,
  ).run(arrival);
}

export function movingMetadata(
  database: Transactions,
  after: MetadataPlace,
  limit: number,
): Promise<MovingMetadata[]> {
  return database.read(
    (sql) =>
      sql(
        `SELECT user, key, value, changed_ms AS changedMs FROM metadata WHERE (user, key) > (@user, @key)
         ORDER BY user, key LIMIT @limit`,
      ).all({ ...after, limit }) as MovingMetadata[],
  );
}

export function takeMetadata(database: Transactions, entries: readonly MovingMetadata[]): Promise<void> {
  return database.write((sql) => {
    for (const entry of entries)
      sql(
        `INSERT INTO metadata (user, key, value, changed_ms) VALUES (@user, @key, @value, @changedMs)
         ON CONFLICT (user, key) DO UPDATE SET value = excluded.value, changed_ms = excluded.changed_ms
           WHERE excluded.changed_ms > changed_ms`,
      ).run(entry);
  });
}
