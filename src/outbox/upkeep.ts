import type { Store } from '../db.ts';

/** One success shows that Apple can be reached and takes the credential: what waited for that is due now. */
export function wake(store: Store, nowMs: number): Promise<number> {
  return store.write(
    (sql) =>
      sql(
        `UPDATE outbox SET due_ms = @nowMs
         WHERE held_by IN ('connection', 'credential') AND due_ms > @nowMs AND lease_owner IS NULL`,
      ).run({ nowMs }).changes,
  );
}

/** Drops pushes whose latest event is older than that; gives whose they were. */
export async function giveUp(
  store: Store,
  eventBeforeMs: number,
  nowMs: number,
): Promise<{ user: string; reason: string }[]> {
  const old = `FROM outbox o JOIN targets t ON t.id = o.target_id
    WHERE o.event_ms <= @eventBeforeMs AND (o.lease_owner IS NULL OR o.lease_until_ms <= @nowMs)`;
  const rows = await store.read(
    (sql) =>
      sql(`SELECT o.target_id AS id, t.user, coalesce(o.last_reason, 'never tried') AS reason ${old}`).all({
        eventBeforeMs,
        nowMs,
      }) as { id: number; user: string; reason: string }[],
  );
  if (rows.length > 0)
    await store.write((sql) =>
      sql(`DELETE FROM outbox WHERE target_id IN (SELECT o.target_id ${old})`).run({ eventBeforeMs, nowMs }),
    );
  return rows;
}

/** Gives back every lease of this process, unsent or unanswered. The rows are due as they were. */
export function releaseLeases(store: Store, owner: string): Promise<number> {
  return store.write(
    (sql) =>
      sql('UPDATE outbox SET lease_owner = NULL, lease_until_ms = NULL WHERE lease_owner = ?').run(owner)
        .changes,
  );
}

/**
 * Asks to be the one that starts a deliverer. True for one caller in `forMs`, so that two hundred handlers
 * do not start two hundred.
 */
export function mayStartDeliverer(store: Store, nowMs: number, forMs: number): Promise<boolean> {
  return store.write(
    (sql) =>
      sql('UPDATE deliverer SET until_ms = @untilMs WHERE until_ms <= @nowMs OR until_ms > @untilMs').run({
        nowMs,
        untilMs: nowMs + forMs,
      }).changes === 1,
  );
}

/** Called when the deliverer is up, or is about to end: from here on its socket tells whether it is there. */
export function delivererStarted(store: Store): Promise<void> {
  return store.write((sql) => {
    sql('UPDATE deliverer SET until_ms = 0').run();
  });
}

/** Makes every row due that no process is sending. Gives how many waited. */
export function makeAllDue(store: Store, nowMs: number): Promise<number> {
  return store.write(
    (sql) =>
      sql('UPDATE outbox SET due_ms = @nowMs WHERE due_ms > @nowMs AND lease_owner IS NULL').run({ nowMs })
        .changes,
  );
}
