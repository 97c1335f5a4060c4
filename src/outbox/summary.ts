import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Sql, Store } from '../db.ts';
import { CLOCK_TOLERANCE_MS, FREE } from './free.ts';
import type { Hold } from './outbox.ts';
import { type Served, servedBy } from './served.ts';

/** The state of the store in numbers. */
export interface StoreSummary {
  targets: number;
  waiting: number;
  /** When the first event of the oldest waiting push came, in milliseconds since the epoch. */
  oldestMs: number | undefined;
}

/** Rows that are looked at in one go: about a millisecond's work, so that no event waits longer for its turn. */
const PIECE_ROWS = 2500;

/** In short looks with the event loop's turns between them: there may be a million waiting pushes. */
export async function summarise(store: Store): Promise<StoreSummary> {
  // An index answers each of these, with some ten milliseconds for a million rows.
  const counts = await store.read(
    (sql) =>
      sql(
        'SELECT (SELECT count(*) FROM targets) AS targets, (SELECT count(*) FROM outbox) AS waiting',
      ).get() as Omit<StoreSummary, 'oldestMs'>,
  );
  return { ...counts, oldestMs: await oldestEnqueued(store) };
}

async function oldestEnqueued(store: Store): Promise<number | undefined> {
  let oldestMs: number | undefined;
  for (let after = 0; ;) {
    const piece = await store.read(
      (sql) =>
        sql(
          `SELECT max(target_id) AS last, min(enqueued_ms) AS oldestMs FROM
             (SELECT target_id, enqueued_ms FROM outbox WHERE target_id > ? ORDER BY target_id LIMIT ?)`,
        ).get(after, PIECE_ROWS) as { last: number | null; oldestMs: number | null },
    );
    if (piece.last === null || piece.oldestMs === null) return oldestMs;
    oldestMs = Math.min(oldestMs ?? piece.oldestMs, piece.oldestMs);
    after = piece.last;
    await nextTurn();
  }
}

/** Whom something happened to. */
export interface Device {
  user: string;
  deviceToken: string;
}

/** What the targets have been through. Times are milliseconds since the epoch. */
export interface TargetSummary {
  targets: number;
  users: number;
  /** Renewed since the time that was asked for. */
  renewed: number;
  /** Failed for so long that they get no pushes until they register again. */
  disabled: number;
  /** Have registered or were pushed to at a time that is to come: a clock was ahead. */
  ahead: number;
  /** Without a device where that target is gone. */
  lastSuccess: { ms: number; device: Device | undefined } | undefined;
  /** Of the targets that are still there. */
  lastFailure: { ms: number; reason: string; device: Device } | undefined;
  /** Those that say they are there; undefined where none is. */
  served: Served | undefined;
}

export function summariseTargets(
  store: Store,
  renewedSinceMs: number,
  nowMs: number,
): Promise<TargetSummary> {
  return store.read((sql) => {
    // Each of these reads an index alone, and each of the others the table once: there may be a million targets.
    const counts = sql(
      `SELECT (SELECT count(*) FROM targets) AS targets,
         (SELECT count(DISTINCT user) FROM targets) AS users,
         (SELECT count(*) FROM targets WHERE renewed_ms >= ?) AS renewed`,
    ).get(renewedSinceMs) as Pick<TargetSummary, 'targets' | 'users' | 'renewed'>;
    return {
      ...counts,
      ...failures(sql, nowMs),
      lastSuccess: lastSuccess(sql, nowMs),
      served: servedBy(sql, nowMs),
    };
  });
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
  const { ms } = sql('SELECT max(last_success_ms) AS ms FROM credentials WHERE last_success_ms <= ?').get(
    untilMs,
  ) as { ms: number | null };
  // A bare column beside max() is of the row that has it (https://sqlite.org/lang_select.html#bareagg).
  const target = sql(
    'SELECT max(last_success_ms) AS ms, user, device_token AS deviceToken FROM targets WHERE last_success_ms <= ?',
  ).get(untilMs) as Device & { ms: number | null };
  if (target.ms === null) return ms === null ? undefined : { ms, device: undefined };
  if (ms !== null && ms > target.ms) return { ms, device: undefined };
  return { ms: target.ms, device: { user: target.user, deviceToken: target.deviceToken } };
}

function failures(sql: Sql, nowMs: number): Pick<TargetSummary, 'disabled' | 'ahead' | 'lastFailure'> {
  const row = sql(
    `SELECT count(disabled_ms) AS disabled, count(iif(max(renewed_ms, coalesce(last_push_ms, 0)) > @aheadMs, 1, NULL))
       AS ahead, max(last_error_ms) AS ms, last_error AS reason, user, device_token AS deviceToken FROM targets`,
  ).get({ aheadMs: nowMs + CLOCK_TOLERANCE_MS }) as Device & {
    disabled: number;
    ahead: number;
    ms: number | null;
    reason: string;
  };
  const { disabled, ahead, ms, reason, ...device } = row;
  return { disabled, ahead, lastFailure: ms === null ? undefined : { ms, reason, device } };
}

/** What a row of the outbox is doing: being sent, never tried yet, or held. */
export type WaitingState = 'sending' | 'new' | Hold;

/** The rows of the outbox that are in one state. Times are milliseconds since the epoch. */
export interface WaitingGroup {
  pushes: number;
  /** When the first event of the oldest came. */
  oldestMs: number;
  /** Latest attempt, and what came of that; null where there was none. */
  attemptedMs: number | null;
  reason: string | null;
}

export interface WaitingSummary {
  groups: Partial<Record<WaitingState, WaitingGroup>>;
  /** Of the earliest row that may be tried; undefined where none waits. In the past: nobody has come to it yet. */
  nextMs: number | undefined;
  oldest: (Device & { ms: number; state: WaitingState; reason: string | null }) | undefined;
}

/** What waits, and why. */
export function summariseWaiting(store: Store, nowMs: number): Promise<WaitingSummary> {
  return store.read((sql) => {
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
    return { groups: Object.fromEntries(groups), nextMs, oldest: oldestWaiting(sql, nowMs) };
  });
}

const STATE = `CASE WHEN NOT ${FREE} THEN 'sending' ELSE coalesce(held_by, 'new') END`;

function latestAttempts(
  sql: Sql,
  nowMs: number,
): Map<string, { attemptedMs: number | null; reason: string | null }> {
  const rows = sql(
    `SELECT ${STATE} AS state, max(attempted_ms) AS attemptedMs, last_reason AS reason FROM outbox GROUP BY state`,
  ).all({ nowMs }) as { state: string; attemptedMs: number | null; reason: string | null }[];
  return new Map(rows.map(({ state, ...latest }) => [state, latest]));
}

function oldestWaiting(sql: Sql, nowMs: number): WaitingSummary['oldest'] {
  const row = sql(
    `SELECT user, device_token AS deviceToken, enqueued_ms AS ms, ${STATE} AS state, last_reason AS reason
     FROM outbox JOIN targets ON id = target_id
     WHERE target_id = (SELECT target_id FROM outbox ORDER BY enqueued_ms LIMIT 1)`,
  ).get({ nowMs });
  return row as WaitingSummary['oldest'];
}
