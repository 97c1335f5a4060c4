import type { Arrival, KeptCredentials, MovingPush } from '../move.ts';
import type { Database, Sql } from './database.ts';
import { fits } from './target-rows.ts';

export function movingPushes(
  database: Database,
  afterTargetId: number,
  limit: number,
): Promise<MovingPush[]> {
  return database.ask(async (sql) => {
    const rows = await sql.rows<Omit<MovingPush, 'mailboxes'>>(
      `SELECT target_id AS "targetId", user_name AS "user", device_token AS "deviceToken", account_id AS "accountId",
         apns_id AS "apnsId", generation, event, enqueued_ms AS "enqueuedMs", event_ms AS "eventMs", due_ms AS "dueMs",
         attempts, attempted_ms AS "attemptedMs", held_by AS "heldBy", last_reason AS "lastReason"
       FROM xapplepush.outbox JOIN xapplepush.targets ON id = target_id
       WHERE target_id > @afterTargetId ORDER BY target_id LIMIT @limit`,
      { afterTargetId, limit },
    );
    const mailboxes = await sql.rows<MovingPush['mailboxes'][number] & { targetId: number }>(
      `SELECT target_id AS "targetId", owner, path, generation FROM xapplepush.outbox_mailboxes
       WHERE target_id = ANY(@ids::bigint[]) ORDER BY target_id, owner, path`,
      { ids: rows.map(({ targetId }) => targetId) },
    );
    const found = new Map<number, MovingPush['mailboxes']>(rows.map(({ targetId }) => [targetId, []]));
    for (const { targetId, ...mailbox } of mailboxes) found.get(targetId)?.push(mailbox);
    return rows.map((row) => ({ ...row, mailboxes: found.get(row.targetId) ?? [] }));
  });
}

export function arrival(database: Database, id: string): Promise<Arrival | undefined> {
  return database.ask(async (sql) => {
    if (!(await isKnown(sql))) return undefined;
    return sql.row<Arrival>(
      'SELECT after_target_id AS "afterTargetId", pushes FROM xapplepush.arrivals WHERE id = @id',
      { id },
    );
  });
}

/** Whoever moves a store here does it one after the other: the table comes and goes. */
const IN_TURN = `SELECT pg_advisory_xact_lock(hashtextextended('xapplepush arrivals', 0))`;

export function arrive(
  database: Database,
  { id, afterTargetId }: { id: string; afterTargetId: number },
  pushes: readonly MovingPush[],
): Promise<void> {
  return database.transact(async (sql) => {
    await sql.change(IN_TURN);
    await sql.change(
      `CREATE TABLE IF NOT EXISTS xapplepush.arrivals (id text PRIMARY KEY, after_target_id bigint NOT NULL,
         pushes bigint NOT NULL)`,
    );
    const taken = await sql.change(TAKE_PUSHES, { pushes: JSON.stringify(pushes) });
    await sql.change(TAKE_MAILBOXES, { mailboxes: JSON.stringify(pushes.flatMap(mailboxesOf)) });
    await sql.change(
      `INSERT INTO xapplepush.arrivals AS a (id, after_target_id, pushes)
       VALUES (@id, @afterTargetId, @taken)
       ON CONFLICT (id) DO UPDATE SET after_target_id = excluded.after_target_id, pushes = a.pushes + excluded.pushes`,
      { id, afterTargetId, taken },
    );
  });
}

/** What waits here already for a device is joined, as by an event. */
const TAKE_PUSHES = `
  INSERT INTO xapplepush.outbox AS o (target_id, apns_id, generation, event, enqueued_ms, event_ms, due_ms, attempts,
    attempted_ms, held_by, last_reason)
  SELECT t.id, p."apnsId", p.generation, p.event, p."enqueuedMs", p."eventMs", p."dueMs", p.attempts, p."attemptedMs",
    p."heldBy", p."lastReason"
  FROM json_to_recordset(@pushes::json) AS p ("user" text, "deviceToken" text, "accountId" text, "apnsId" text,
    generation bigint, event text, "enqueuedMs" bigint, "eventMs" bigint, "dueMs" bigint, attempts bigint,
    "attemptedMs" bigint, "heldBy" text, "lastReason" text)
  JOIN xapplepush.targets t
    ON t.user_name = p."user" AND t.device_token = p."deviceToken" AND t.account_id = p."accountId"
  ORDER BY t.id
  ON CONFLICT (target_id) DO UPDATE SET generation = o.generation + 1, due_ms = least(o.due_ms, excluded.due_ms),
    event_ms = greatest(o.event_ms, excluded.event_ms), enqueued_ms = least(o.enqueued_ms, excluded.enqueued_ms)`;

const TAKE_MAILBOXES = `
  INSERT INTO xapplepush.outbox_mailboxes AS m (target_id, owner, path, generation)
  SELECT o.target_id, p.owner, p.path, CASE WHEN o.apns_id = p."apnsId" THEN p.generation ELSE o.generation END
  FROM json_to_recordset(@mailboxes::json) AS p ("user" text, "deviceToken" text, "accountId" text, "apnsId" text,
    owner text, path text, generation bigint)
  JOIN xapplepush.targets t
    ON t.user_name = p."user" AND t.device_token = p."deviceToken" AND t.account_id = p."accountId"
  JOIN xapplepush.outbox o ON o.target_id = t.id
  ON CONFLICT (target_id, owner, path) DO UPDATE SET generation = excluded.generation`;

function mailboxesOf({ user, deviceToken, accountId, apnsId, mailboxes }: MovingPush): unknown[] {
  return mailboxes.filter(fits).map((mailbox) => ({ user, deviceToken, accountId, apnsId, ...mailbox }));
}

export function forgetArrival(database: Database, id: string): Promise<void> {
  return database.transact(async (sql) => {
    await sql.change(IN_TURN);
    if (!(await isKnown(sql))) return;
    await sql.change('DELETE FROM xapplepush.arrivals WHERE id = @id', { id });
    if ((await sql.row('SELECT 1 FROM xapplepush.arrivals')) === undefined)
      await sql.change('DROP TABLE xapplepush.arrivals');
  });
}

async function isKnown(sql: Sql): Promise<boolean> {
  const known = await sql.row<{ exists: boolean }>(
    `SELECT to_regclass('xapplepush.arrivals') IS NOT NULL AS exists`,
  );
  return known?.exists === true;
}

export function keptCredentials(database: Database): Promise<KeptCredentials> {
  return database.ask(async (sql) => ({
    achieved: await sql.rows(
      `SELECT fingerprint, server, successes, last_success_ms AS "lastSuccessMs", bad_tokens AS "badTokens",
         warned_ms AS "warnedMs", gone FROM xapplepush.credentials`,
    ),
    tokens: await sql.rows(
      'SELECT fingerprint, jwt, issued_ms AS "issuedMs" FROM xapplepush.provider_tokens',
    ),
  }));
}

export function takeCredentials(database: Database, { achieved, tokens }: KeptCredentials): Promise<void> {
  return database.transact(async (sql) => {
    await sql.change(
      `INSERT INTO xapplepush.credentials AS c
         (fingerprint, server, successes, last_success_ms, bad_tokens, warned_ms, gone)
       SELECT * FROM json_to_recordset(@achieved::json) AS g (fingerprint text, server text, successes bigint,
         "lastSuccessMs" bigint, "badTokens" bigint, "warnedMs" bigint, gone bigint)
       ON CONFLICT (fingerprint, server) DO UPDATE SET successes = greatest(c.successes, excluded.successes),
         last_success_ms = greatest(c.last_success_ms, excluded.last_success_ms)`,
      { achieved: JSON.stringify(achieved) },
    );
    await sql.change(
      `INSERT INTO xapplepush.provider_tokens AS t (fingerprint, jwt, issued_ms)
       SELECT * FROM json_to_recordset(@tokens::json) AS g (fingerprint text, jwt text, "issuedMs" bigint)
       ON CONFLICT (fingerprint) DO UPDATE SET jwt = excluded.jwt, issued_ms = excluded.issued_ms
         WHERE excluded.issued_ms > t.issued_ms`,
      { tokens: JSON.stringify(tokens) },
    );
  });
}
