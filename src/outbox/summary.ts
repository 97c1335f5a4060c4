import type { Store } from '../db.ts';
import { servedSince } from './upkeep.ts';

/** The state of the store in numbers. */
export interface StoreSummary {
  targets: number;
  waiting: number;
  /** When the first event of the oldest waiting push came, in milliseconds since the epoch. */
  oldestMs: number | undefined;
}

export function summarise(store: Store): Promise<StoreSummary> {
  return store.read((sql) => {
    const row = sql(
      `SELECT (SELECT count(*) FROM targets) AS targets, count(*) AS waiting, min(enqueued_ms) AS oldestMs
       FROM outbox`,
    ).get() as { targets: number; waiting: number; oldestMs: number | null };
    return { ...row, oldestMs: row.oldestMs ?? undefined };
  });
}

/** What the targets have been through. Times are milliseconds since the epoch. */
export interface TargetSummary {
  users: number;
  /** Renewed since the time that was asked for. */
  renewed: number;
  lastSuccessMs: number | undefined;
  lastFailure: { ms: number; reason: string } | undefined;
  /** Failed for so long that they get no pushes until they register again. */
  disabled: number;
  /** When the `serve` that says it is there began; undefined where there is none. */
  servedSinceMs: number | undefined;
}

export function summariseTargets(
  store: Store,
  renewedSinceMs: number,
  nowMs: number,
): Promise<TargetSummary> {
  return store.read((sql) => {
    const row = sql(
      `SELECT count(DISTINCT user) AS users, count(CASE WHEN renewed_ms >= ? THEN 1 END) AS renewed, count(disabled_ms) AS disabled,
         max(last_success_ms) AS lastSuccessMs FROM targets`,
    ).get(renewedSinceMs) as {
      users: number;
      renewed: number;
      disabled: number;
      lastSuccessMs: number | null;
    };
    const lastFailure = sql(
      `SELECT last_error_ms AS ms, last_error AS reason FROM targets
       WHERE last_error_ms IS NOT NULL ORDER BY last_error_ms DESC LIMIT 1`,
    ).get() as { ms: number; reason: string } | undefined;
    const lastSuccessMs = row.lastSuccessMs ?? undefined;
    return { ...row, lastSuccessMs, lastFailure, servedSinceMs: servedSince(sql, nowMs) };
  });
}
