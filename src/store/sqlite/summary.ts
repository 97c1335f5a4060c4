import { CLOCK_TOLERANCE_MS } from '../../outbox/timing.ts';
import type { CollectionKind } from '../../mailboxes/collection.ts';
import { countsByKind, OF_MAIL } from '../kinds.ts';
import type { TargetCount } from '../targets.ts';
import type {
  Device,
  TargetSummary,
  TargetTally,
  WaitingGroup,
  WaitingState,
  WaitingSummary,
} from '../summary.ts';
import { MAY_BE_LOST, type Sql, type Transactions } from './database.ts';
import { STATE } from '../free.ts';
import { servesIn } from './presence.ts';

export function countRows(database: Transactions): Promise<{ targets: number; waiting: number }> {
  return database.read(
    (sql) =>
      sql(
        'SELECT (SELECT count(*) FROM targets) AS targets, (SELECT count(*) FROM outbox) AS waiting',
      ).get() as { targets: number; waiting: number },
  );
}

export function tallyTargets(
  database: Transactions,
  afterId: number,
  limit: number,
): Promise<TargetTally | undefined> {
  return tally(
    database,
    `SELECT count(*) AS rows, max(id) AS last,
       count(iif(expires_ms IS NOT NULL AND subtopic = 'calendar', 1, NULL)) AS calendar,
       count(iif(expires_ms IS NOT NULL AND subtopic = 'contacts', 1, NULL)) AS contacts FROM
       (SELECT id, subtopic, expires_ms FROM targets WHERE id > ? ORDER BY id LIMIT ?)`,
    [afterId, limit],
  );
}

export function tallyWaiting(
  database: Transactions,
  afterTargetId: number,
  limit: number,
): Promise<{ rows: number; last: number; oldestMs: number } | undefined> {
  return tally(
    database,
    `SELECT count(*) AS rows, max(target_id) AS last, min(enqueued_ms) AS oldestMs FROM
       (SELECT target_id, enqueued_ms FROM outbox WHERE target_id > ? ORDER BY target_id LIMIT ?)`,
    [afterTargetId, limit],
  );
}

/** Nothing where there are no rows: then max() and min() are null. */
async function tally<T extends { rows: number }>(
  database: Transactions,
  text: string,
  values: number[],
): Promise<T | undefined> {
  const found = await database.read((sql) => sql(text).get(...values) as T);
  return found.rows === 0 ? undefined : found;
}

/** Their ids are never used again, so the last one that was given outlives its target. */
export function everHadTargets(database: Transactions): Promise<boolean> {
  return database.read(
    (sql) => sql(`SELECT 1 FROM sqlite_sequence WHERE name = 'targets' AND seq > 0`).get() !== undefined,
  );
}

export function tryWriting(database: Transactions): Promise<void> {
  return database.write(() => undefined, MAY_BE_LOST);
}

export function schemaVersion(database: Transactions): Promise<number> {
  return database.read((sql) => sql('SELECT max(version) FROM migrations').pluck().get() as number);
}

export function lastSuccessMs(database: Transactions, untilMs: number): Promise<number | undefined> {
  return database.read((sql) => successOfCredentials(sql, untilMs) ?? undefined);
}

export function summariseTargets(
  database: Transactions,
  renewedSinceMs: number,
  nowMs: number,
): Promise<TargetSummary> {
  return database.read((sql) => {
    const collections = collectionsIn(sql);
    // Where all is Mail, each reads an index alone, and each of the others the table once: there may be a million.
    const isAllMail = Object.values(collections).every(({ targets }) => targets === 0);
    const ofMail = isAllMail ? 'TRUE' : OF_MAIL;
    const counts = sql(
      `SELECT (SELECT count(*) FROM targets WHERE ${ofMail}) AS targets,
         (SELECT count(DISTINCT user) FROM targets WHERE ${ofMail}) AS users,
         (SELECT count(*) FROM targets WHERE ${ofMail} AND renewed_ms >= ?) AS renewed`,
    ).get(renewedSinceMs) as Pick<TargetSummary, 'targets' | 'users' | 'renewed'>;
    return {
      ...counts,
      collections,
      ...failures(sql, nowMs),
      lastSuccess: lastSuccess(sql, nowMs),
      serves: servesIn(sql, nowMs),
    };
  });
}

function collectionsIn(sql: Sql): TargetSummary['collections'] {
  const rows = sql(
    `SELECT subtopic AS kind, count(*) AS targets, count(DISTINCT user) AS users FROM targets
     WHERE expires_ms IS NOT NULL GROUP BY subtopic`,
  ).all() as (TargetCount & { kind: CollectionKind })[];
  return countsByKind(rows);
}

/**
 * What a credential has achieved outlives the targets. One in the future is of a clock that was ahead, and told where
 * there is no other.
 */
function lastSuccess(sql: Sql, nowMs: number): TargetSummary['lastSuccess'] {
  const past = lastSuccessUntil(sql, nowMs);
  return past ?? lastSuccessUntil(sql, Number.MAX_SAFE_INTEGER);
}

function lastSuccessUntil(sql: Sql, untilMs: number): TargetSummary['lastSuccess'] {
  const ms = successOfCredentials(sql, untilMs);
  // A bare column beside max() is of the row that has it (https://sqlite.org/lang_select.html#bareagg).
  const target = sql(
    'SELECT max(last_success_ms) AS ms, user, device_token AS deviceToken FROM targets WHERE last_success_ms <= ?',
  ).get(untilMs) as Device & { ms: number | null };
  if (target.ms === null) return ms === null ? undefined : { ms, device: undefined };
  if (ms !== null && ms > target.ms) return { ms, device: undefined };
  return { ms: target.ms, device: { user: target.user, deviceToken: target.deviceToken } };
}

function successOfCredentials(sql: Sql, untilMs: number): number | null {
  return sql('SELECT max(last_success_ms) FROM credentials WHERE last_success_ms <= ?')
    .pluck()
    .get(untilMs) as number | null;
}

function failures(
  sql: Sql,
  nowMs: number,
): Pick<TargetSummary, 'ofCyrus' | 'disabled' | 'ahead' | 'lastFailure'> {
  const row = sql(
    `SELECT count(iif(${OF_MAIL} AND source = 'cyrus', 1, NULL)) AS ofCyrus,
       count(iif(${OF_MAIL}, disabled_ms, NULL)) AS disabled,
       count(iif(max(renewed_ms, coalesce(last_push_ms, 0)) > @aheadMs, 1, NULL))
       AS ahead, max(last_error_ms) AS ms, last_error AS reason, user, device_token AS deviceToken FROM targets`,
  ).get({ aheadMs: nowMs + CLOCK_TOLERANCE_MS }) as Device & {
    ofCyrus: number;
    disabled: number;
    ahead: number;
    ms: number | null;
    reason: string;
  };
  const { ofCyrus, disabled, ahead, ms, reason, ...device } = row;
  return { ofCyrus, disabled, ahead, lastFailure: ms === null ? undefined : { ms, reason, device } };
}

export function summariseWaiting(database: Transactions, nowMs: number): Promise<WaitingSummary> {
  return database.read((sql) => {
    const rows = sql(
      `SELECT ${STATE} AS state, count(*) AS pushes, min(enqueued_ms) AS oldestMs,
         min(max(due_ms, coalesce(lease_until_ms, 0))) AS nextMs FROM outbox GROUP BY state`,
    ).all({ nowMs }) as (WaitingGroup & { state: WaitingState; nextMs: number })[];
    const latest = latestAttempts(sql, nowMs);
    const groups = rows.map(({ state, pushes, oldestMs }) => {
      const { attemptedMs = null, reason = null } = latest.get(state) ?? {};
      return [state, { pushes, oldestMs, attemptedMs, reason }] as const;
    });
    const nextMs = rows.length === 0 ? undefined : Math.min(...rows.map((row) => row.nextMs));
    return { groups: Object.fromEntries(groups), nextMs, oldest: oldestIn(sql, nowMs) };
  });
}

function latestAttempts(
  sql: Sql,
  nowMs: number,
): Map<string, { attemptedMs: number | null; reason: string | null }> {
  const rows = sql(
    `SELECT ${STATE} AS state, max(attempted_ms) AS attemptedMs, last_reason AS reason FROM outbox GROUP BY state`,
  ).all({ nowMs }) as { state: string; attemptedMs: number | null; reason: string | null }[];
  return new Map(rows.map(({ state, ...latest }) => [state, latest]));
}

function oldestIn(sql: Sql, nowMs: number): WaitingSummary['oldest'] {
  const row = sql(
    `SELECT user, device_token AS deviceToken, enqueued_ms AS ms, ${STATE} AS state, last_reason AS reason
     FROM outbox JOIN targets ON id = target_id
     WHERE target_id = (SELECT target_id FROM outbox ORDER BY enqueued_ms LIMIT 1)`,
  ).get({ nowMs });
  return row as WaitingSummary['oldest'];
}
