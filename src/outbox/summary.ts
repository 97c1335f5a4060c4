import type { Store } from '../db.ts';

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
