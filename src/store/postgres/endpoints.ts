import { type Endpoint, type NewEndpoint, SERVICE_NAMES, type ServiceName } from '../../services/endpoint.ts';
import type {
  EndpointCount,
  EndpointFilter,
  EndpointPage,
  EndpointRegistered,
  EndpointRequest,
} from '../endpoints.ts';
import type { Database } from './database.ts';
import { likeOf } from './target-rows.ts';
import { lockUser } from './user-lock.ts';

export function registerEndpoint(
  database: Database,
  endpoint: NewEndpoint,
  { nowMs, maxPerUser, isProven }: EndpointRequest,
): Promise<EndpointRegistered> {
  return database.transact(async (sql) => {
    await lockUser(sql, endpoint.user);
    const values = { ...endpoint, nowMs, provenMs: isProven ? nowMs : null };
    const row = await sql.row<{ id: number; provenSinceMs: number | null; created: boolean }>(
      REGISTER,
      values,
    );
    if (row === undefined) throw new Error('expected the endpoint that was written');
    const { id, created, provenSinceMs } = row;
    const evicted = await sql.change(EVICT, { ...values, id, maxPerUser });
    return { id, created, isProven: provenSinceMs !== null, evicted };
  });
}

/** What proved it before holds for the same fingerprint. A row that this statement has made has no older version. */
const REGISTER = `INSERT INTO xapplepush.endpoints AS e (user_name, service, address, fingerprint, registered_ms, renewed_ms,
    expires_ms, proven_ms)
  VALUES (@user, @service, @address, @fingerprint, @nowMs, @nowMs, @expiresMs, @provenMs)
  ON CONFLICT (user_name, service, fingerprint) DO UPDATE SET address = excluded.address,
    renewed_ms = excluded.renewed_ms, expires_ms = excluded.expires_ms,
    proven_ms = coalesce(e.proven_ms, excluded.proven_ms)
  RETURNING id, proven_ms AS "provenSinceMs", xmax = 0 AS created`;

/** The least recently renewed go, and never the one that has come. */
const EVICT = `DELETE FROM xapplepush.endpoints WHERE id IN (
  SELECT id FROM xapplepush.endpoints WHERE user_name = @user AND service = @service
  ORDER BY id = @id DESC, renewed_ms DESC, id DESC OFFSET @maxPerUser::bigint)`;

export function listEndpoints(
  database: Database,
  filter: EndpointFilter,
  { afterId, limit }: EndpointPage,
): Promise<Endpoint[]> {
  return database.ask((sql) =>
    sql.rows<Endpoint>(
      `SELECT ${columnsOf('e')} FROM xapplepush.endpoints e WHERE id > @afterId AND ${matches(filter)}
       ORDER BY id LIMIT @limit`,
      { ...valuesOf(filter), afterId, limit },
    ),
  );
}

export function removeEndpoints(database: Database, filter: EndpointFilter): Promise<Endpoint[]> {
  return database.ask((sql) =>
    sql.rows<Endpoint>(
      `DELETE FROM xapplepush.endpoints e WHERE ${matches(filter)} RETURNING ${columnsOf('e')}`,
      valuesOf(filter),
    ),
  );
}

/** In SQL: an endpoint's columns by the names of its fields. */
export function columnsOf(table: string): string {
  const fields = {
    ...{ id: 'id', user: 'user_name', service: 'service', address: 'address', fingerprint: 'fingerprint' },
    ...{ expiresMs: 'expires_ms', registeredMs: 'registered_ms', renewedMs: 'renewed_ms' },
    ...{ provenMs: 'proven_ms', lastSuccessMs: 'last_success_ms', lastError: 'last_error' },
    ...{ lastErrorMs: 'last_error_ms', failures: 'failures' },
  };
  return Object.entries(fields)
    .map(([field, column]) => `${table}.${column} AS "${field}"`)
    .join(', ');
}

const CONDITIONS: Record<keyof EndpointFilter, string> = {
  id: 'id = @id',
  ids: 'id = ANY(@ids::bigint[])',
  user: 'user_name = @user',
  userPattern: 'user_name LIKE @userLike',
  service: 'service = @service',
  fingerprint: 'fingerprint = @fingerprint',
  renewedBeforeMs: 'renewed_ms < @renewedBeforeMs',
  expiredBeforeMs: 'expires_ms < @expiredBeforeMs',
  isUnproven: 'proven_ms IS NULL',
};

function valuesOf(filter: EndpointFilter): Record<string, unknown> {
  const { userPattern } = filter;
  return { ...filter, ...(userPattern !== undefined && { userLike: likeOf(userPattern) }) };
}

function matches(filter: EndpointFilter): string {
  const names = (Object.keys(CONDITIONS) as (keyof EndpointFilter)[]).filter(
    (name) => filter[name] !== undefined,
  );
  return names.length === 0 ? 'TRUE' : names.map((name) => CONDITIONS[name]).join(' AND ');
}

export async function countEndpoints(
  database: Database,
  nowMs: number,
): Promise<Record<ServiceName, EndpointCount>> {
  const rows = await database.ask((sql) =>
    sql.rows<EndpointCount & { service: ServiceName }>(
      `SELECT service, count(*) AS endpoints, count(DISTINCT user_name) AS users,
         count(*) FILTER (WHERE proven_ms IS NULL) AS unproven, count(*) FILTER (WHERE failures > 0) AS failing
       FROM xapplepush.endpoints WHERE expires_ms IS NULL OR expires_ms > @nowMs GROUP BY service`,
      { nowMs },
    ),
  );
  const none = { endpoints: 0, users: 0, unproven: 0, failing: 0 };
  const found = new Map(rows.map(({ service, ...counts }) => [service, counts]));
  return Object.fromEntries(SERVICE_NAMES.map((name) => [name, found.get(name) ?? none])) as Record<
    ServiceName,
    EndpointCount
  >;
}
