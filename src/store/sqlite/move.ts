import type { Arrival, KeptCredentials, MovingPush } from '../move.ts';
import type { Sql, Transactions } from './database.ts';

export function movingPushes(
  database: Transactions,
  afterTargetId: number,
  limit: number,
): Promise<MovingPush[]> {
  return database.read((sql) => {
    const rows = sql(
      `SELECT target_id AS targetId, user, device_token AS deviceToken, account_id AS accountId, apns_id AS apnsId,
         generation, event, enqueued_ms AS enqueuedMs, event_ms AS eventMs, due_ms AS dueMs, attempts,
         attempted_ms AS attemptedMs, held_by AS heldBy, last_reason AS lastReason
       FROM outbox JOIN targets ON targets.id = target_id WHERE target_id > ? ORDER BY target_id LIMIT ?`,
    ).all(afterTargetId, limit) as Omit<MovingPush, 'mailboxes'>[];
    const select = sql('SELECT owner, path, generation FROM outbox_mailboxes WHERE target_id = ?');
    return rows.map((row) => ({
      ...row,
      mailboxes: select.all(row.targetId) as MovingPush['mailboxes'],
    }));
  });
}

export function arrival(database: Transactions, id: string): Promise<Arrival | undefined> {
  return database.read((sql) => {
    if (!isKnown(sql)) return undefined;
    const select = sql('SELECT after_target_id AS afterTargetId, pushes FROM arrivals WHERE id = ?');
    return select.get(id) as Arrival | undefined;
  });
}

export function arrive(
  database: Transactions,
  { id, afterTargetId }: { id: string; afterTargetId: number },
  pushes: readonly MovingPush[],
): Promise<void> {
  return database.write((sql) => {
    sql(
      `CREATE TABLE IF NOT EXISTS arrivals (id TEXT PRIMARY KEY, after_target_id INTEGER NOT NULL,
         pushes INTEGER NOT NULL) STRICT`,
    ).run();
    const taken = pushes.filter((push) => take(sql, push)).length;
    sql(
      `INSERT INTO arrivals (id, after_target_id, pushes) VALUES (@id, @afterTargetId, @taken)
       ON CONFLICT (id) DO UPDATE SET after_target_id = excluded.after_target_id, pushes = pushes + excluded.pushes`,
    ).run({ id, afterTargetId, taken });
  });
}

/** What waits here already for the device is joined, as by an event. */
function take(sql: Sql, { mailboxes, ...push }: MovingPush): boolean {
  const row = sql(
    `INSERT INTO outbox (target_id, apns_id, generation, event, enqueued_ms, event_ms, due_ms, attempts, attempted_ms,
       held_by, last_reason)
     SELECT id, @apnsId, @generation, @event, @enqueuedMs, @eventMs, @dueMs, @attempts, @attemptedMs, @heldBy,
       @lastReason
     FROM targets WHERE user = @user AND device_token = @deviceToken AND account_id = @accountId
     ON CONFLICT (target_id) DO UPDATE SET generation = generation + 1, due_ms = min(due_ms, excluded.due_ms),
       event_ms = max(event_ms, excluded.event_ms), enqueued_ms = min(enqueued_ms, excluded.enqueued_ms)
     RETURNING target_id AS targetId, apns_id AS apnsId, generation`,
  ).get(push) as { targetId: number; apnsId: string; generation: number } | undefined;
  if (row === undefined) return false;
  const insert = sql(
    `INSERT INTO outbox_mailboxes (target_id, owner, path, generation) VALUES (@targetId, @owner, @path, @generation)
     ON CONFLICT (target_id, owner, path) DO UPDATE SET generation = excluded.generation`,
  );
  const isNew = row.apnsId === push.apnsId;
  for (const { owner, path, generation } of mailboxes)
    insert.run({ ...row, owner, path, generation: isNew ? generation : row.generation });
  return true;
}

export function forgetArrival(database: Transactions, id: string): Promise<void> {
  return database.write((sql) => {
    if (!isKnown(sql)) return;
    sql('DELETE FROM arrivals WHERE id = ?').run(id);
    if (sql('SELECT 1 FROM arrivals').get() === undefined) sql('DROP TABLE arrivals').run();
  });
}

function isKnown(sql: Sql): boolean {
  return sql(`SELECT 1 FROM sqlite_schema WHERE name = 'arrivals'`).get() !== undefined;
}

export function keptCredentials(database: Transactions): Promise<KeptCredentials> {
  return database.read((sql) => ({
    achieved: sql(
      `SELECT fingerprint, server, successes, last_success_ms AS lastSuccessMs, bad_tokens AS badTokens,
         warned_ms AS warnedMs, gone FROM credentials`,
    ).all() as KeptCredentials['achieved'],
    tokens: sql(
      'SELECT fingerprint, jwt, issued_ms AS issuedMs FROM provider_tokens',
    ).all() as KeptCredentials['tokens'],
  }));
}

export function takeCredentials(
  database: Transactions,
  { achieved, tokens }: KeptCredentials,
): Promise<void> {
  return database.write((sql) => {
    const credential = sql(
      `INSERT INTO credentials (fingerprint, server, successes, last_success_ms, bad_tokens, warned_ms, gone)
       VALUES (@fingerprint, @server, @successes, @lastSuccessMs, @badTokens, @warnedMs, @gone)
       ON CONFLICT (fingerprint, server) DO UPDATE SET successes = max(successes, excluded.successes),
         last_success_ms = coalesce(max(last_success_ms, excluded.last_success_ms), last_success_ms,
           excluded.last_success_ms)`,
    );
    for (const each of achieved) credential.run(each);
    const token = sql(
      `INSERT INTO provider_tokens (fingerprint, jwt, issued_ms) VALUES (@fingerprint, @jwt, @issuedMs)
       ON CONFLICT (fingerprint) DO UPDATE SET jwt = excluded.jwt, issued_ms = excluded.issued_ms
         WHERE excluded.issued_ms > issued_ms`,
    );
    for (const each of tokens) token.run(each);
  });
}
