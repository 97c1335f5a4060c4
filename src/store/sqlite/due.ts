import type { Transactions } from './database.ts';

export function countDue(database: Transactions): Promise<{ rows: number; nextMs: number | undefined }> {
  return database.read((sql) => {
    const row = sql(
      'SELECT count(*) AS rows, min(max(due_ms, coalesce(lease_until_ms, 0))) AS nextMs FROM outbox',
    ).get() as { rows: number; nextMs: number | null };
    return { rows: row.rows, nextMs: row.nextMs ?? undefined };
  });
}

/** The due rows in the order of the index; leased ones were due before the others, or are all that is due. */
export function nextDueMs(database: Transactions): Promise<number | undefined> {
  return database.read((sql) => {
    const free = sql(
      'SELECT due_ms AS ms FROM outbox WHERE lease_owner IS NULL ORDER BY due_ms LIMIT 1',
    ).get();
    const freeMs = (free as { ms: number } | undefined)?.ms ?? Number.MAX_SAFE_INTEGER;
    const leased = sql(
      'SELECT min(lease_until_ms) AS ms FROM outbox WHERE lease_owner IS NOT NULL AND due_ms < ?',
    ).get(freeMs) as { ms: number | null };
    const ms = Math.min(freeMs, leased.ms ?? Infinity);
    return ms === Number.MAX_SAFE_INTEGER ? undefined : ms;
  });
}

export function stillWaiting(database: Transactions, targetIds: readonly number[]): Promise<number[]> {
  return database.read((sql) => {
    const select = sql('SELECT 1 FROM outbox WHERE target_id = ?');
    return targetIds.filter((id) => select.get(id) !== undefined);
  });
}

export function makeAllDue(database: Transactions, nowMs: number): Promise<number> {
  return database.write(
    (sql) =>
      sql('UPDATE outbox SET due_ms = @nowMs WHERE due_ms > @nowMs AND lease_owner IS NULL').run({ nowMs })
        .changes,
  );
}
