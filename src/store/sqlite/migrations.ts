import { readFileSync, statSync } from 'node:fs';
import { ownFile, VERSION } from '../../process/installation.ts';
import type { Database } from './driver.ts';
import { StoreError } from '../errors.ts';
import { LEFT_VERSION } from '../move.ts';
import { leftDatabase } from './departure.ts';
import { transact } from './transaction.ts';

/** Brings a database from the version before it to `version`. Only ever appended to; none is edited once released. */
export interface Migration {
  version: number;
  sql: string;
}

/** Version 1 is the first schema; schema.sql is the newest. */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 2,
    sql: `ALTER TABLE targets ADD COLUMN failing_since_ms INTEGER;
      ALTER TABLE targets ADD COLUMN disabled_ms INTEGER;
      ALTER TABLE deliverer ADD COLUMN served_since_ms INTEGER;`,
  },
  {
    version: 3,
    sql: `ALTER TABLE subscriptions RENAME TO subscriptions_by_owner;
      CREATE TABLE subscriptions (
        target_id INTEGER NOT NULL REFERENCES targets (id) ON DELETE CASCADE,
        owner TEXT NOT NULL, path TEXT NOT NULL, name TEXT NOT NULL, hash TEXT,
        PRIMARY KEY (target_id, owner, path)
      ) STRICT, WITHOUT ROWID;
      INSERT INTO subscriptions (target_id, owner, path, name, hash)
        SELECT target_id, owner, path, name, hash FROM subscriptions_by_owner ORDER BY target_id, owner, path;
      DROP TABLE subscriptions_by_owner;
      CREATE INDEX subscriptions_by_mailbox ON subscriptions (owner, path);`,
  },
  {
    version: 4,
    sql: `ALTER TABLE credentials ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
      CREATE INDEX outbox_by_event ON outbox (event_ms);`,
  },
  {
    version: 5,
    sql: `ALTER TABLE deliverer ADD COLUMN edition TEXT;
      CREATE TABLE serves (
        owner TEXT PRIMARY KEY, since_ms INTEGER NOT NULL, announced_ms INTEGER NOT NULL, outdated TEXT
      ) STRICT, WITHOUT ROWID;`,
  },
  {
    version: 6,
    sql: 'ALTER TABLE deliverer ADD COLUMN clock_told_ms INTEGER;',
  },
  {
    version: 7,
    sql: `ALTER TABLE deliverer ADD COLUMN clock_seen_ms INTEGER;
      ALTER TABLE deliverer ADD COLUMN doubted_ms INTEGER;`,
  },
  {
    version: 8,
    sql: 'CREATE INDEX outbox_by_lease ON outbox (lease_owner) WHERE lease_owner IS NOT NULL;',
  },
  {
    version: 9,
    sql: 'ALTER TABLE serves ADD COLUMN closed_doors TEXT;',
  },
  {
    version: 10,
    sql: `ALTER TABLE targets ADD COLUMN expires_ms INTEGER;
      CREATE INDEX targets_by_expiry ON targets (expires_ms) WHERE expires_ms IS NOT NULL;`,
  },
  {
    version: 11,
    sql: `CREATE TABLE endpoints (
        id              INTEGER PRIMARY KEY AUTOINCREMENT,
        user            TEXT NOT NULL,
        service         TEXT NOT NULL,
        address         TEXT NOT NULL,
        fingerprint     TEXT NOT NULL,
        registered_ms   INTEGER NOT NULL,
        renewed_ms      INTEGER NOT NULL,
        expires_ms      INTEGER,
        proven_ms       INTEGER,
        last_success_ms INTEGER,
        last_error      TEXT,
        last_error_ms   INTEGER,
        failures        INTEGER NOT NULL DEFAULT 0,
        UNIQUE (user, service, fingerprint)
      ) STRICT;
      CREATE INDEX endpoints_by_expiry ON endpoints (expires_ms) WHERE expires_ms IS NOT NULL;
      CREATE TABLE notices (
        endpoint_id    INTEGER PRIMARY KEY REFERENCES endpoints (id) ON DELETE CASCADE,
        notice_id      TEXT NOT NULL,
        generation     INTEGER NOT NULL,
        event          TEXT NOT NULL,
        mailbox        TEXT NOT NULL,
        enqueued_ms    INTEGER NOT NULL,
        event_ms       INTEGER NOT NULL,
        due_ms         INTEGER NOT NULL,
        attempts       INTEGER NOT NULL DEFAULT 0,
        attempted_ms   INTEGER,
        lease_owner    TEXT,
        lease_until_ms INTEGER
      ) STRICT;
      CREATE INDEX notices_by_due ON notices (due_ms);
      CREATE TABLE metadata (
        user       TEXT NOT NULL,
        key        TEXT NOT NULL,
        value      BLOB NOT NULL,
        changed_ms INTEGER NOT NULL,
        PRIMARY KEY (user, key)
      ) STRICT, WITHOUT ROWID;`,
  },
];

export const CURRENT_VERSION = MIGRATIONS.at(-1)?.version ?? 1;

/** Marks the file as ours: "xapp" in ASCII (https://sqlite.org/pragma.html#pragma_application_id). */
const APPLICATION_ID = 0x78617070;

/** Writes the whole schema into an empty database. */
export function writeSchema(database: Database, version: number): void {
  const schema = readFileSync(ownFile('schema.sql'), 'utf8');
  transact(database, 'BEGIN', () => {
    database.exec(schema);
    database.pragma(`application_id = ${APPLICATION_ID}`);
    recordVersion(database, version);
  });
}

/** Applies the migrations that are due, all or none. Throws StoreError for a newer or a foreign database. */
export function migrate(
  database: Database,
  file: string,
  migrations: readonly Migration[] = MIGRATIONS,
): void {
  const newest = migrations.at(-1)?.version ?? 1;
  if (versionOf(database, file) === newest) return;
  transact(database, 'BEGIN IMMEDIATE', () => {
    // Read again under the lock: another process may have migrated in between.
    const version = versionOf(database, file);
    if (version === LEFT_VERSION) throw leftDatabase(file, database, newest);
    if (version > newest) throw newerDatabase(file, version, newest);
    for (const migration of migrations.filter((candidate) => candidate.version > version)) {
      database.exec(migration.sql);
      recordVersion(database, migration.version);
    }
  });
}

function versionOf(database: Database, file: string): number {
  const id = database.pragma('application_id', { simple: true });
  if (id !== APPLICATION_ID) throw isEmpty(file) ? emptyDatabase(file) : foreignDatabase(file);
  return database.pragma('user_version', { simple: true }) as number;
}

function recordVersion(database: Database, version: number): void {
  database.pragma(`user_version = ${version}`);
  database
    .prepare('INSERT INTO migrations (version, applied_ms, program) VALUES (?, ?, ?)')
    .run(version, Date.now(), VERSION);
}

function newerDatabase(file: string, version: number, newest: number): StoreError {
  return new StoreError(
    `database ${file} has version ${version}; this program knows versions up to ${newest}`,
    {
      hint: 'install the xapplepush that wrote it, or a newer one',
      cause: undefined,
    },
  );
}

function isEmpty(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.size === 0;
}

/** Such as after a power cut, or a copy on a full disk. */
function emptyDatabase(file: string): StoreError {
  return new StoreError(`database ${file} is empty: 0 bytes`, {
    hint: `remove it, and the first device that registers makes it anew: rm ${file}`,
    cause: undefined,
  });
}

function foreignDatabase(file: string): StoreError {
  return new StoreError(`${file} is an SQLite database, but not one of xapplepush`, {
    hint: 'let `store` name the database of xapplepush, or a file that does not exist yet',
    cause: undefined,
  });
}
