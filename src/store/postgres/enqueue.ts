import { INBOX, type Mailbox } from '../../mailboxes/mailbox.ts';
import { AT_ONCE, dueMs } from '../../outbox/timing.ts';
import type { Enqueued, EnqueueRequest } from '../intake.ts';
import { ANNOUNCED, spanAround } from '../presence.ts';
import { type Subscriber as Told, toldOf } from '../told.ts';
import type { Database, Sql } from './database.ts';
import { type Joining, joinOutbox } from './join.ts';
import { createOwners, isForNobody } from './owners.ts';

/** Gives a function that enqueues what many events ask for, and asks for the devices of those that may have one. */
export function createEnqueueing(
  database: Database,
  owners = createOwners(database),
): (requests: readonly EnqueueRequest[]) => Promise<Enqueued[]> {
  return async (requests) => {
    const known = owners.known();
    if (known === undefined) return enqueueMany(database, requests);
    const isAsking = requests.map(({ mailboxes }) => !isForNobody(mailboxes, known));
    const others = requests.filter((_, n) => isAsking[n] === false);
    const asked = requests.filter((_, n) => isAsking[n] === true);
    const [told, areCurrent] = await Promise.all([
      asked.length > 0 ? enqueueMany(database, asked) : [],
      others.length === 0 || owners.areCurrent(known),
    ]);
    const otherTold = areCurrent ? others.map(() => NOBODY) : await enqueueMany(database, others);
    return isAsking.flatMap((asks) => (asks ? told : otherTold).shift() ?? []);
  };
}

const NOBODY: Enqueued = { targetIds: [], disabled: 0, denied: 0, unnamed: 0 };

/**
 * Enqueues what many events ask for: a look for all of them, which for most is all, and a statement for all pushes. Two
 * statements and no transaction: what happens between them is that a device comes or goes.
 */
function enqueueMany(database: Database, requests: readonly EnqueueRequest[]): Promise<Enqueued[]> {
  return database.ask(async (sql) => {
    const all = await subscribersOf(sql, requests);
    const chosen = requests.map((request, n) => toldOf(all[n] ?? [], request));
    const joining = requests.flatMap((request, n) =>
      (chosen[n]?.told ?? []).map((each) => joiningOf(each, request)),
    );
    if (joining.length > 0) await joinOutbox(sql, joining);
    return chosen.map(({ enqueued }) => enqueued);
  });
}

export function subscribed(database: Database, mailboxes: readonly Mailbox[]): Promise<number[]> {
  return database.ask(async (sql) => {
    const rows = await sql.rows<{ id: number }>(
      `SELECT s.target_id AS id FROM unnest(@owners::text[], @paths::text[]) AS w (owner, path)
       JOIN xapplepush.subscriptions s ON s.owner = w.owner AND s.path = w.path`,
      { owners: mailboxes.map(({ owner }) => owner), paths: mailboxes.map(({ path }) => path) },
    );
    return rows.map(({ id }) => id);
  });
}

interface Subscriber extends Told {
  isServed: boolean;
}

interface SubscriberRow extends Omit<Subscriber, 'mailbox'>, Mailbox {
  request: number;
}

/** By request. */
async function subscribersOf(sql: Sql, requests: readonly EnqueueRequest[]): Promise<Subscriber[][]> {
  const wanted = requests.flatMap(({ mailboxes, nowMs }, request) =>
    mailboxes.map((mailbox) => ({ request, ...mailbox, nowMs })),
  );
  const rows = await sql.rows<SubscriberRow>(SUBSCRIBERS, {
    requests: wanted.map(({ request }) => request),
    owners: wanted.map(({ owner }) => owner),
    paths: wanted.map(({ path }) => path),
    nows: wanted.map(({ nowMs }) => nowMs),
    ...spanAround(Math.max(...requests.map(({ nowMs }) => nowMs))),
  });
  const found = requests.map((): Subscriber[] => []);
  for (const { request, owner, path, ...row } of rows)
    found[request]?.push({ ...row, mailbox: { owner, path } });
  return found;
}

/** In the order of the events and their mailboxes. */
const SUBSCRIBERS = `
  SELECT w.request, s.target_id AS "targetId", t.user_name AS "user", s.owner, s.path,
    t.disabled_ms IS NOT NULL AS disabled,
    s.hash IS NOT NULL OR (s.owner = t.user_name AND s.path = '${INBOX}') AS tellable,
    nullif(greatest(CASE WHEN t.last_push_ms <= w.now_ms THEN t.last_push_ms ELSE 0 END,
      CASE WHEN o.attempted_ms <= w.now_ms THEN o.attempted_ms ELSE 0 END), 0) AS "lastPushMs",
    EXISTS (SELECT 1 FROM xapplepush.serves WHERE ${ANNOUNCED}) AS "isServed"
  FROM unnest(@requests::integer[], @owners::text[], @paths::text[], @nows::bigint[]) WITH ORDINALITY
    AS w (request, owner, path, now_ms, place)
  JOIN xapplepush.subscriptions s ON s.owner = w.owner AND s.path = w.path
  JOIN xapplepush.targets t ON t.id = s.target_id AND (t.expires_ms IS NULL OR t.expires_ms > w.now_ms)
  LEFT JOIN xapplepush.outbox o ON o.target_id = s.target_id
  ORDER BY w.place, s.target_id`;

function joiningOf(
  { targetId, mailbox, lastPushMs, isServed }: Subscriber,
  request: EnqueueRequest,
): Joining {
  const { event, isNewMail, gatheringMs, nowMs, atMs = nowMs, newApnsId } = request;
  return {
    ...{ targetId, mailbox, event, nowMs },
    apnsId: newApnsId(),
    eventMs: Math.min(atMs, nowMs),
    dueMs: dueMs({ event, isNewMail, gatheringMs }, nowMs, lastPushMs, isServed ? request.timing : AT_ONCE),
  };
}
