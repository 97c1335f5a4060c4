import { CLOCK_TOLERANCE_MS } from '../../outbox/timing.ts';
import type { CollectionKind } from '../../mailboxes/collection.ts';
import { STATE } from '../free.ts';
import { countsByKind, OF_MAIL } from '../kinds.ts';
import type {
  Device,
  TargetSummary,
  TargetTally,
  WaitingGroup,
  WaitingState,
  WaitingSummary,
} from '../summary.ts';
import type { TargetCount } from '../targets.ts';
import type { Database, Sql } from './database.ts';
import { servesIn } from './presence.ts';

export async function countRows(database: Database): Promise<{ targets: number; waiting: number }> {
  const row = await database.ask((sql) =>
    sql.row<{ targets: number; waiting: number }>(
      `SELECT (SELECT count(*) FROM xapplepush.targets) AS targets,
         (SELECT count(*) FROM xapplepush.outbox) AS waiting`,
    ),
  );
  return row ?? { targets: 0, waiting: 0 };
}

export function tallyTargets(
  database: Database,
  afterId: number,
  limit: number,
): Promise<TargetTally | undefined> {
  return tally(
    database,
    `SELECT count(*) AS rows, max(id) AS last,
       count(*) FILTER (WHERE expires_ms IS NOT NULL AND subtopic = 'calendar') AS calendar,
       count(*) FILTER (WHERE expires_ms IS NOT NULL AND subtopic = 'contacts') AS contacts FROM
       (SELECT id, subtopic, expires_ms FROM xapplepush.targets WHERE id > @after ORDER BY id LIMIT @limit) AS piece`,
    { after: afterId, limit },
  );
}

export function tallyWaiting(
  database: Database,
  afterTargetId: number,
  limit: number,
): Promise<{ rows: number; last: number; oldestMs: number } | undefined> {
  return tally(
    database,
    `SELECT count(*) AS rows, max(target_id) AS last, min(enqueued_ms) AS "oldestMs" FROM
       (SELECT target_id, enqueued_ms FROM xapplepush.outbox WHERE target_id > @after
        ORDER BY target_id LIMIT @limit) AS piece`,
    { after: afterTargetId, limit },
  );
}

/** Nothing where there are no rows: then max() and min() are null. */
async function tally<T extends { rows: number }>(
  database: Database,
  text: string,
  values: { after: number; limit: number },
): Promise<T | undefined> {
  const found = await database.ask((sql) => sql.row<T>(text, values));
  return found === undefined || found.rows === 0 ? undefined : found;
}

/** Their ids are never used again, so the sequence that gives them outlives its targets. */
export async function everHadTargets(database: Database): Promise<boolean> {
  const row = await database.ask((sql) =>
    sql.row<{ ever: boolean }>('SELECT is_called AS ever FROM xapplepush.targets_id_seq'),
  );
  return row?.ever === true;
}

/** The change is undone. A row that somebody holds for long is told, and not waited for. */
export async function tryWriting(database: Database): Promise<void> {
  await database.ask(async (sql) => {
    await sql.change("BEGIN; SET LOCAL lock_timeout = '2s'");
    try {
      await sql.change('UPDATE xapplepush.deliverer SET until_ms = until_ms');
    } catch (error) {
      await sql.change('ROLLBACK').catch(() => undefined); // the first error is the one to tell
      throw error;
    }
    await sql.change('ROLLBACK');
  });
}

export async function schemaVersion(database: Database): Promise<number> {
  const row = await database.ask((sql) =>
    sql.row<{ version: number }>('SELECT max(version) AS version FROM xapplepush.migrations'),
  );
  return row?.version ?? 0;
}

export async function lastSuccessMs(database: Database, untilMs: number): Promise<number | undefined> {
  return (await database.ask((sql) => successOfCredentials(sql, untilMs))) ?? undefined;
}

export function summariseTargets(
  database: Database,
  renewedSinceMs: number,
  nowMs: number,
): Promise<TargetSummary> {
  return database.ask(async (sql) => {
    const counts = await sql.row<
      Pick<TargetSummary, 'targets' | 'users' | 'renewed' | 'ofCyrus' | 'disabled' | 'ahead'>
    >(
      `SELECT count(*) FILTER (WHERE ${OF_MAIL}) AS targets,
         count(DISTINCT user_name) FILTER (WHERE ${OF_MAIL}) AS users,
         count(*) FILTER (WHERE ${OF_MAIL} AND renewed_ms >= @renewedSinceMs) AS renewed,
         count(*) FILTER (WHERE ${OF_MAIL} AND source = 'cyrus') AS "ofCyrus",
         count(disabled_ms) FILTER (WHERE ${OF_MAIL}) AS disabled,
         count(*) FILTER (WHERE greatest(renewed_ms, last_push_ms) > @aheadMs) AS ahead
       FROM xapplepush.targets`,
      { renewedSinceMs, aheadMs: nowMs + CLOCK_TOLERANCE_MS },
    );
    return {
      ...(counts ?? { targets: 0, users: 0, renewed: 0, ofCyrus: 0, disabled: 0, ahead: 0 }),
      collections: await collectionsIn(sql),
      lastSuccess: await lastSuccess(sql, nowMs),
      lastFailure: await lastFailure(sql),
      serves: await servesIn(sql, nowMs),
    };
  });
}

async function collectionsIn(sql: Sql): Promise<TargetSummary['collections']> {
  const rows = await sql.rows<TargetCount & { kind: CollectionKind }>(
    `SELECT subtopic AS kind, count(*) AS targets, count(DISTINCT user_name) AS users FROM xapplepush.targets
     WHERE NOT (${OF_MAIL}) GROUP BY subtopic`,
  );
  return countsByKind(rows);
}

/**
 * What a credential has achieved outlives the targets. One in the future is of a clock that was ahead, and told where
 * there is no other.
 */
async function lastSuccess(sql: Sql, nowMs: number): Promise<TargetSummary['lastSuccess']> {
  return (await lastSuccessUntil(sql, nowMs)) ?? lastSuccessUntil(sql, Number.MAX_SAFE_INTEGER);
}

async function lastSuccessUntil(sql: Sql, untilMs: number): Promise<TargetSummary['lastSuccess']> {
  const ms = await successOfCredentials(sql, untilMs);
  const target = await sql.row<Device & { ms: number }>(
    `SELECT last_success_ms AS ms, user_name AS "user", device_token AS "deviceToken" FROM xapplepush.targets
     WHERE last_success_ms <= @untilMs ORDER BY last_success_ms DESC LIMIT 1`,
    { untilMs },
  );
  if (target === undefined) return ms === null ? undefined : { ms, device: undefined };
  if (ms !== null && ms > target.ms) return { ms, device: undefined };
  return { ms: target.ms, device: { user: target.user, deviceToken: target.deviceToken } };
}

async function successOfCredentials(sql: Sql, untilMs: number): Promise<number | null> {
  const row = await sql.row<{ ms: number | null }>(
    'SELECT max(last_success_ms) AS ms FROM xapplepush.credentials WHERE last_success_ms <= @untilMs',
    { untilMs },
  );
  return row?.ms ?? null;
}

async function lastFailure(sql: Sql): Promise<TargetSummary['lastFailure']> {
  const row = await sql.row<Device & { ms: number; reason: string }>(
    `SELECT last_error_ms AS ms, last_error AS reason, user_name AS "user", device_token AS "deviceToken"
     FROM xapplepush.targets WHERE last_error_ms IS NOT NULL ORDER BY last_error_ms DESC LIMIT 1`,
  );
  if (row === undefined) return undefined;
  const { ms, reason, ...device } = row;
  return { ms, reason, device };
}

export function summariseWaiting(database: Database, nowMs: number): Promise<WaitingSummary> {
  return database.ask(async (sql) => {
    const rows = await sql.rows<WaitingGroup & { state: WaitingState; nextMs: number }>(
      `SELECT ${STATE} AS state, count(*) AS pushes, min(enqueued_ms) AS "oldestMs",
         max(attempted_ms) AS "attemptedMs",
         (array_agg(last_reason ORDER BY attempted_ms DESC NULLS LAST))[1] AS reason,
         min(greatest(due_ms, coalesce(lease_until_ms, 0))) AS "nextMs"
       FROM xapplepush.outbox GROUP BY state`,
      { nowMs },
    );
    const groups = rows.map(
      ({ state, pushes, oldestMs, attemptedMs, reason }) =>
        [state, { pushes, oldestMs, attemptedMs, reason }] as const,
    );
    const nextMs = rows.length === 0 ? undefined : Math.min(...rows.map((row) => row.nextMs));
    return { groups: Object.fromEntries(groups), nextMs, oldest: await oldestIn(sql, nowMs) };
  });
}

function oldestIn(sql: Sql, nowMs: number): Promise<WaitingSummary['oldest']> {
  return sql.row(
    `SELECT user_name AS "user", device_token AS "deviceToken", enqueued_ms AS ms, ${STATE} AS state,
       last_reason AS reason
     FROM xapplepush.outbox JOIN xapplepush.targets ON id = target_id ORDER BY enqueued_ms, target_id LIMIT 1`,
    { nowMs },
  );
}
