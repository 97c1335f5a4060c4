import type {
  MetadataPlace,
  MovingMetadata,
  MovingNotice,
  MovingServicesVerbs,
  ServiceArrivals,
} from '../moving-services.ts';
import type { Endpoint } from '../../services/endpoint.ts';
import type { Database, Sql } from './database.ts';
import { fits } from './target-rows.ts';

export function movingServicesVerbs(database: Database): MovingServicesVerbs {
  return {
    movingNotices: (endpointIds) => movingNotices(database, endpointIds),
    takeEndpoints: (...given) => takeEndpoints(database, ...given),
    movingMetadata: (...given) => movingMetadata(database, ...given),
    takeMetadata: (entries) => takeMetadata(database, entries),
  };
}

function movingNotices(database: Database, endpointIds: readonly number[]): Promise<MovingNotice[]> {
  return database.ask((sql) =>
    sql.rows<MovingNotice>(
      `SELECT e.user_name AS "user", e.service, e.fingerprint, n.notice_id AS "noticeId", n.generation, n.event, n.mailbox,
         n.enqueued_ms AS "enqueuedMs", n.event_ms AS "eventMs", n.due_ms AS "dueMs", n.attempts,
         n.attempted_ms AS "attemptedMs"
       FROM xapplepush.notices n JOIN xapplepush.endpoints e ON e.id = n.endpoint_id
       WHERE n.endpoint_id = ANY(@endpointIds::bigint[]) ORDER BY n.endpoint_id`,
      { endpointIds },
    ),
  );
}

function takeEndpoints(
  database: Database,
  { ids, afterId }: { ids: ServiceArrivals; afterId: number },
  endpoints: readonly Endpoint[],
  notices: readonly MovingNotice[],
): Promise<void> {
  return database.transact(async (sql) => {
    await sql.change(TAKE_ENDPOINTS, { endpoints: JSON.stringify(endpoints) });
    const taken = await sql.change(TAKE_NOTICES, { notices: JSON.stringify(notices) });
    await noteArrival(sql, { id: ids.endpoints, afterId, taken: endpoints.length });
    await noteArrival(sql, { id: ids.notices, afterId, taken });
  });
}

/** What proved it before holds for the same fingerprint. */
const TAKE_ENDPOINTS = `
  INSERT INTO xapplepush.endpoints AS e (user_name, service, address, fingerprint, registered_ms, renewed_ms, expires_ms,
    proven_ms, last_success_ms, last_error, last_error_ms, failures)
  SELECT g."user", g.service, g.address, g.fingerprint, g."registeredMs", g."renewedMs", g."expiresMs", g."provenMs",
    g."lastSuccessMs", g."lastError", g."lastErrorMs", g.failures
  FROM json_to_recordset(@endpoints::json) AS g ("user" text, service text, address text, fingerprint text,
    "registeredMs" bigint, "renewedMs" bigint, "expiresMs" bigint, "provenMs" bigint, "lastSuccessMs" bigint,
    "lastError" text, "lastErrorMs" bigint, failures integer, id bigint)
  ORDER BY g.id
  ON CONFLICT (user_name, service, fingerprint) DO UPDATE SET
    address = CASE WHEN excluded.renewed_ms > e.renewed_ms THEN excluded.address ELSE e.address END,
    expires_ms = CASE WHEN excluded.renewed_ms > e.renewed_ms THEN excluded.expires_ms ELSE e.expires_ms END,
    renewed_ms = greatest(e.renewed_ms, excluded.renewed_ms),
    registered_ms = least(e.registered_ms, excluded.registered_ms),
    proven_ms = coalesce(e.proven_ms, excluded.proven_ms)`;

/** One that joins a row tells the newer event, as another event does. */
const TAKE_NOTICES = `
  INSERT INTO xapplepush.notices AS n (endpoint_id, notice_id, generation, event, mailbox, enqueued_ms, event_ms, due_ms,
    attempts, attempted_ms)
  SELECT e.id, g."noticeId", g.generation, g.event, g.mailbox, g."enqueuedMs", g."eventMs", g."dueMs", g.attempts,
    g."attemptedMs"
  FROM json_to_recordset(@notices::json) AS g ("user" text, service text, fingerprint text, "noticeId" text,
    generation bigint, event text, mailbox text, "enqueuedMs" bigint, "eventMs" bigint, "dueMs" bigint, attempts integer,
    "attemptedMs" bigint)
  JOIN xapplepush.endpoints e
    ON e.user_name = g."user" AND e.service = g.service AND e.fingerprint = g.fingerprint
  ORDER BY e.id
  ON CONFLICT (endpoint_id) DO UPDATE SET generation = n.generation + 1,
    event = CASE WHEN excluded.event_ms > n.event_ms THEN excluded.event ELSE n.event END,
    mailbox = CASE WHEN excluded.event_ms > n.event_ms THEN excluded.mailbox ELSE n.mailbox END,
    event_ms = greatest(n.event_ms, excluded.event_ms), enqueued_ms = least(n.enqueued_ms, excluded.enqueued_ms),
    due_ms = least(n.due_ms, excluded.due_ms)`;

/** The table is there: a move begins by it. */
async function noteArrival(sql: Sql, arrival: { id: string; afterId: number; taken: number }): Promise<void> {
  await sql.change(
    `INSERT INTO xapplepush.arrivals AS a (id, after_target_id, pushes) VALUES (@id, @afterId, @taken)
     ON CONFLICT (id) DO UPDATE SET after_target_id = excluded.after_target_id, pushes = a.pushes + excluded.pushes`,
    arrival,
  );
}

function movingMetadata(database: Database, after: MetadataPlace, limit: number): Promise<MovingMetadata[]> {
  return database.ask((sql) =>
    sql.rows<MovingMetadata>(
      `SELECT user_name AS "user", key, value, changed_ms AS "changedMs" FROM xapplepush.metadata
       WHERE (user_name, key) > (@user::text, @key::text) ORDER BY user_name, key LIMIT @limit`,
      { ...after, limit },
    ),
  );
}

async function takeMetadata(database: Database, entries: readonly MovingMetadata[]): Promise<void> {
  const taken = entries.filter(({ user, key }) => fits({ owner: user, path: key }));
  await database.transact((sql) =>
    sql.change(TAKE_METADATA, {
      users: taken.map(({ user }) => user),
      keys: taken.map(({ key }) => key),
      values: taken.map(({ value }) => Buffer.from(value)),
      changed: taken.map(({ changedMs }) => changedMs),
    }),
  );
}

const TAKE_METADATA = `
  INSERT INTO xapplepush.metadata AS m (user_name, key, value, changed_ms)
  SELECT * FROM unnest(@users::text[], @keys::text[], @values::bytea[], @changed::bigint[])
  ON CONFLICT (user_name, key) DO UPDATE SET value = excluded.value, changed_ms = excluded.changed_ms
    WHERE excluded.changed_ms > m.changed_ms`;
