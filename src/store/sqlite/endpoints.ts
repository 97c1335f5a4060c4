import { type Endpoint, type NewEndpoint, SERVICE_NAMES, type ServiceName } from '../../services/endpoint.ts';
import type {
  EndpointCount,
  EndpointFilter,
  EndpointPage,
  EndpointRegistered,
  EndpointRequest,
} from '../endpoints.ts';
import type { Sql, Transactions } from './database.ts';
import { USER_MATCHES } from './target-rows.ts';

export function registerEndpoint(
  database: Transactions,
  endpoint: NewEndpoint,
  { nowMs, maxPerUser, isProven }: EndpointRequest,
): Promise<EndpointRegistered> {
  return database.write((sql) => {
    const known = sql('SELECT id FROM endpoints WHERE user = ? AND service = ? AND fingerprint = ?').get(
      endpoint.user,
      endpoint.service,
      endpoint.fingerprint,
    );
    const provenMs = isProven ? nowMs : null;
    const { id, provenSinceMs } = sql(REGISTER).get({ ...endpoint, nowMs, provenMs }) as {
      id: number;
      provenSinceMs: number | null;
    };
    const evicted = sql(EVICT).run({
      user: endpoint.user,
      service: endpoint.service,
      id,
      maxPerUser,
    }).changes;
    return { id, created: known === undefined, isProven: provenSinceMs !== null, evicted };
  });
}

/** What proved it before holds for the same fingerprint. */
const REGISTER = `INSERT INTO endpoints (user, service, address, fingerprint, registered_ms, renewed_ms, expires_ms, proven_ms)
  VALUES (@user, @service, @address, @fingerprint, @nowMs, @nowMs, @expiresMs, @provenMs)
  ON CONFLICT (user, service, fingerprint) DO UPDATE SET address = excluded.address, renewed_ms = excluded.renewed_ms,
    expires_ms = excluded.expires_ms, proven_ms = coalesce(proven_ms, excluded.proven_ms)
  RETURNING id, proven_ms AS provenSinceMs`;

/** The least recently renewed go, and never the one that has come. */
const EVICT = `DELETE FROM endpoints WHERE id IN (
  SELECT id FROM endpoints WHERE user = @user AND service = @service
  ORDER BY id = @id DESC, renewed_ms DESC, id DESC LIMIT -1 OFFSET @maxPerUser)`;

export function listEndpoints(
  database: Transactions,
  filter: EndpointFilter,
  { afterId, limit }: EndpointPage,
): Promise<Endpoint[]> {
  return database.read(
    (sql) =>
      sql(
        `SELECT ${COLUMNS} FROM endpoints WHERE id > @afterId AND ${matches(filter)} ORDER BY id LIMIT @limit`,
      ).all({ ...valuesOf(filter), afterId, limit }) as Endpoint[],
  );
}

export function removeEndpoints(database: Transactions, filter: EndpointFilter): Promise<Endpoint[]> {
  return database.write(
    (sql) =>
      sql(`DELETE FROM endpoints WHERE ${matches(filter)} RETURNING ${COLUMNS}`).all(
        valuesOf(filter),
      ) as Endpoint[],
  );
}

/** In SQL: an endpoint's columns by the names of its fields. */
export function columnsOf(table: string): string {
  const fields = {
    ...{ id: 'id', user: 'user', service: 'service', address: 'address', fingerprint: 'fingerprint' },
    ...{
      expiresMs: 'expires_ms',
      registeredMs: 'registered_ms',
      renewedMs: 'renewed_ms',
      provenMs: 'proven_ms',
    },
    ...{
      lastSuccessMs: 'last_success_ms',
      lastError: 'last_error',
      lastErrorMs: 'last_error_ms',
      failures: 'failures',
    },
  };
  return Object.entries(fields)
    .map(([field, column]) => `${table}.${column} AS ${field}`)
    .join(', ');
}

const COLUMNS = columnsOf('endpoints');

const CONDITIONS: Record<keyof EndpointFilter, string> = {
  id: 'id = @id',
  ids: 'id IN (SELECT value FROM json_each(@ids))',
  user: 'user = @user',
  userPattern: USER_MATCHES,
  service: 'service = @service',
  fingerprint: 'fingerprint = @fingerprint',
  renewedBeforeMs: 'renewed_ms < @renewedBeforeMs',
  expiredBeforeMs: 'expires_ms < @expiredBeforeMs',
  isUnproven: 'proven_ms IS NULL',
};

/** What a driver binds, for the names that `matches` may hold. */
function valuesOf(filter: EndpointFilter): Record<string, unknown> {
  const { ids } = filter;
  return { ...filter, ids: ids && JSON.stringify(ids), isUnproven: undefined };
}

/** In SQL, with the filter's own names. */
function matches(filter: EndpointFilter): string {
  const names = (Object.keys(CONDITIONS) as (keyof EndpointFilter)[]).filter(
    (name) => filter[name] !== undefined,
  );
  return names.length === 0 ? 'TRUE' : names.map((name) => CONDITIONS[name]).join(' AND ');
}

export function countEndpoints(
  database: Transactions,
  nowMs: number,
): Promise<Record<ServiceName, EndpointCount>> {
  return database.read((sql) => countsOf(sql, nowMs));
}

function countsOf(sql: Sql, nowMs: number): Record<ServiceName, EndpointCount> {
  const rows = sql(
    `SELECT service, count(*) AS endpoints, count(DISTINCT user) AS users, count(iif(proven_ms IS NULL, 1, NULL)) AS unproven,
       count(iif(failures > 0, 1, NULL)) AS failing FROM endpoints
     WHERE expires_ms IS NULL OR expires_ms > ? GROUP BY service`,
  ).all(nowMs) as (EndpointCount & { service: ServiceName })[];
  const none = { endpoints: 0, users: 0, unproven: 0, failing: 0 };
  const found = new Map(rows.map(({ service, ...counts }) => [service, counts]));
  return Object.fromEntries(SERVICE_NAMES.map((name) => [name, found.get(name) ?? none])) as Record<
    ServiceName,
    EndpointCount
  >;
}
