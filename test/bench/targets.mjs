import { createHash, randomUUID } from 'node:crypto';
import './typescript.mjs';

const { openStore } = await import('../../src/store/open.ts');
const { openPostgres } = await import('../../src/store/postgres/open.ts');
const { collectionMailbox } = await import('../../src/mailboxes/collection.ts');
const { openDatabase } = await import('../../src/store/sqlite/database.ts');

/** A shared mailbox that every device of the bench wants to hear of. */
export const SHARED = { owner: '', path: 'news' };

/** Makes a store with a device for each of user0, user1, …, that wants to hear of INBOX, Archive and `news`. */
export async function fillTargets(file, count, topic) {
  const times = { count, topic, nowMs: Date.now() };
  await using(openDatabase(file, { create: true }), (database) =>
    database.write((sql) => {
      sql(TARGETS).run(times);
      for (const name of ['INBOX', 'Archive']) sql(OWN_MAILBOX).run({ name, hash: hashOf(name) });
    }),
  );
}

/** The same in an empty database of a PostgreSQL, and lets the server look at what has come, as it does by itself later. */
export async function fillPostgres({ run }, url, count, topic) {
  await using(openPostgres({ url }, { create: true }), (store) => store.schemaVersion());
  await run(targetsOfPostgres(count, topic), url);
  for (const name of ['INBOX', 'Archive']) await run(ownMailboxOfPostgres(name), url);
  await run('ANALYZE', url);
}

/** Makes a store in which each of user0, user1, … has subscribed to a calendar. */
export async function fillCalendars(file, count) {
  const nowMs = Date.now();
  await using(openDatabase(file, { create: true }), (database) =>
    database.write((sql) => {
      sql(CALENDARS).run({ count, nowMs, expiresMs: nowMs + 86_400_000 });
      sql(OF_CALENDARS).run();
    }),
  );
}

/** The calendar of that user, as its event names it. */
export function calendarNo(n) {
  return collectionMailbox('calendar', n.toString(16).padStart(24, '0'));
}

/** Lets every device hear of the shared mailbox too. */
export async function shareMailbox(file) {
  const { path } = SHARED;
  await using(openDatabase(file, { create: true }), (database) =>
    database.write((sql) => sql(SHARED_MAILBOX).run({ path, hash: hashOf(path) })),
  );
}

/** Puts a push for each of the first users into the outbox of that file or PostgreSQL, as an event for their INBOX does. */
export async function fillOutbox(place, count) {
  const mailboxes = Array.from({ length: count }, (_, n) => ({ owner: `user${n}`, path: 'INBOX' }));
  const timing = { throttleMs: 0, housekeepingDelayMs: 0 };
  await using(opened(place), (store) =>
    store.enqueue({ event: 'MessageNew', mailboxes, nowMs: Date.now(), newApnsId: randomUUID, timing }),
  );
}

/** Puts a push for every device into the outbox, as an event for its INBOX did at that time. */
export async function fillBacklog(file, atMs) {
  await using(openDatabase(file, { create: true }), (database) =>
    database.write((sql) => {
      sql(OLD_PUSHES).run({ atMs });
      sql(OLD_MAILBOXES).run();
    }),
  );
}

/** Pushes that wait. */
export async function countOutbox(place) {
  const { waiting } = await using(opened(place), (store) => store.countRows());
  return waiting;
}

function opened(place) {
  return place.startsWith('postgresql:')
    ? openPostgres({ url: place }, { create: true })
    : openStore(place, { create: true });
}

async function using(opened, use) {
  try {
    return await use(opened);
  } finally {
    opened.close();
  }
}

function hashOf(name) {
  return createHash('md5').update(name).digest('hex');
}

const TARGETS = `
  INSERT INTO targets (id, user, device_token, account_id, subtopic, aps_version, topic, source, registered_ms, renewed_ms)
  WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < @count)
  SELECT n + 1, 'user' || n, printf('%064x', n + 1), '0715A26B-CA09-4730-A419-793000CA982E', 'com.apple.mobilemail',
    2, @topic, 'cyrus', @nowMs, @nowMs FROM numbers`;

const OWN_MAILBOX = `
  INSERT INTO subscriptions (target_id, owner, path, name, hash)
  SELECT id, user, @name, @name, @hash FROM targets ORDER BY user`;

const CALENDARS = `
  INSERT INTO targets (id, user, device_token, account_id, subtopic, aps_version, topic, source, registered_ms,
    renewed_ms, expires_ms)
  WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < @count)
  SELECT n + 1, 'user' || n, printf('%064x', n + 1), printf('user%d/%024x', n, n), 'calendar', 2,
    'com.apple.calendar.XServer.11111111-2222-3333-4444-555555555555', 'cyrus', @nowMs, @nowMs, @expiresMs FROM numbers`;

const OF_CALENDARS = `
  INSERT INTO subscriptions (target_id, owner, path, name)
  SELECT id, '#calendar', printf('%024x', id - 1), account_id FROM targets`;

const SHARED_MAILBOX = `
  INSERT INTO subscriptions (target_id, owner, path, name, hash)
  SELECT id, '', @path, 'Shared Folders/' || @path, @hash FROM targets`;

function targetsOfPostgres(count, topic) {
  const nowMs = Date.now();
  return `
  INSERT INTO xapplepush.targets (user_name, device_token, account_id, subtopic, aps_version, topic, source,
    registered_ms, renewed_ms)
  SELECT 'user' || n, lpad(to_hex(n + 1), 64, '0'), '0715A26B-CA09-4730-A419-793000CA982E', 'com.apple.mobilemail',
    2, '${topic}', 'cyrus', ${nowMs}, ${nowMs} FROM generate_series(0, ${count - 1}) n`;
}

function ownMailboxOfPostgres(name) {
  return `
  INSERT INTO xapplepush.subscriptions (target_id, owner, path, name, hash)
  SELECT id, user_name, '${name}', '${name}', '${hashOf(name)}' FROM xapplepush.targets`;
}

const OLD_PUSHES = `
  INSERT INTO outbox (target_id, apns_id, generation, event, enqueued_ms, event_ms, due_ms, attempts, attempted_ms,
    held_by, last_reason)
  SELECT id, lower(hex(randomblob(16))), 1, 'MessageNew', @atMs, @atMs, @atMs, 3, @atMs, 'connection',
    'connection refused' FROM targets`;

const OLD_MAILBOXES = `
  INSERT INTO outbox_mailboxes (target_id, owner, path, generation) SELECT id, user, 'INBOX', 1 FROM targets`;
