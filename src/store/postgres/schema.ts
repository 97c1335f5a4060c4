import { OTHER_SERVICES } from './schema-services.ts';

/**
 * Each brings the schema to the version that is its place in the list, from 1. Only ever appended to; none is edited once
 * released: hosts of one database are brought to a new program one after the other, so what an older one reads and
 * writes stays. What the tables mean stands in schema.sql, whose tables these are. All times are milliseconds since the
 * epoch. Texts that are compared have the collation "C", that of SQLite: byte by byte.
 */
export const MIGRATIONS: readonly string[] = [
  `CREATE SCHEMA IF NOT EXISTS xapplepush;

  CREATE TABLE xapplepush.migrations (
    version    integer PRIMARY KEY,
    applied_ms bigint NOT NULL,
    program    text NOT NULL
  );

  CREATE TABLE xapplepush.targets (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_name        text COLLATE "C" NOT NULL,
    device_token     text COLLATE "C" NOT NULL,
    account_id       text COLLATE "C" NOT NULL,
    subtopic         text COLLATE "C" NOT NULL,
    aps_version      bigint NOT NULL,
    topic            text COLLATE "C" NOT NULL,
    source           text COLLATE "C" NOT NULL,
    registered_ms    bigint NOT NULL,
    renewed_ms       bigint NOT NULL,
    last_push_ms     bigint,
    last_success_ms  bigint,
    last_error       text,
    last_error_ms    bigint,
    failures         bigint NOT NULL DEFAULT 0,
    failing_since_ms bigint,
    disabled_ms      bigint,
    UNIQUE (user_name, device_token, account_id)
  ) WITH (fillfactor = 80);
  CREATE INDEX targets_by_renewal ON xapplepush.targets (renewed_ms);

  CREATE TABLE xapplepush.subscriptions (
    target_id bigint NOT NULL REFERENCES xapplepush.targets (id) ON DELETE CASCADE,
    owner     text COLLATE "C" NOT NULL,
    path      text COLLATE "C" NOT NULL,
    name      text NOT NULL,
    hash      text,
    PRIMARY KEY (target_id, owner, path)
  );
  CREATE INDEX subscriptions_by_mailbox ON xapplepush.subscriptions (owner, path) INCLUDE (target_id);

  -- Room in each page for the next version of a row: leases change no index then, and the old version is gone at once.
  CREATE TABLE xapplepush.outbox (
    target_id      bigint PRIMARY KEY REFERENCES xapplepush.targets (id) ON DELETE CASCADE,
    apns_id        text NOT NULL,
    generation     bigint NOT NULL,
    event          text NOT NULL,
    enqueued_ms    bigint NOT NULL,
    event_ms       bigint NOT NULL,
    due_ms         bigint NOT NULL,
    attempts       bigint NOT NULL DEFAULT 0,
    attempted_ms   bigint,
    held_by        text,
    last_reason    text,
    lease_owner    text COLLATE "C",
    lease_until_ms bigint
  ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
  CREATE INDEX outbox_by_due ON xapplepush.outbox (due_ms);
  CREATE INDEX outbox_by_event ON xapplepush.outbox (event_ms);
  CREATE INDEX outbox_by_lease ON xapplepush.outbox (lease_owner) WHERE lease_owner IS NOT NULL;

  CREATE TABLE xapplepush.outbox_mailboxes (
    target_id  bigint NOT NULL REFERENCES xapplepush.outbox (target_id) ON DELETE CASCADE,
    owner      text COLLATE "C" NOT NULL,
    path       text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    PRIMARY KEY (target_id, owner, path)
  ) WITH (autovacuum_vacuum_scale_factor = 0.02);

  CREATE TABLE xapplepush.credentials (
    fingerprint     text COLLATE "C" NOT NULL,
    server          text COLLATE "C" NOT NULL,
    successes       bigint NOT NULL DEFAULT 0,
    last_success_ms bigint,
    bad_tokens      bigint NOT NULL DEFAULT 0,
    warned_ms       bigint,
    gone            bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (fingerprint, server)
  );

  CREATE TABLE xapplepush.provider_tokens (
    fingerprint text COLLATE "C" PRIMARY KEY,
    jwt         text NOT NULL,
    issued_ms   bigint NOT NULL
  );

  CREATE TABLE xapplepush.deliverer (
    id            integer PRIMARY KEY CHECK (id = 1),
    until_ms      bigint NOT NULL,
    edition       text,
    clock_told_ms bigint,
    clock_seen_ms bigint,
    doubted_ms    bigint
  );
  INSERT INTO xapplepush.deliverer (id, until_ms) VALUES (1, 0);

  CREATE TABLE xapplepush.serves (
    owner          text COLLATE "C" PRIMARY KEY,
    host           text NOT NULL,
    program        text NOT NULL,
    clock_ahead_ms bigint NOT NULL, -- how far the server's clock was ahead of that host's
    since_ms       bigint NOT NULL,
    announced_ms   bigint NOT NULL,
    outdated       text,
    closed_doors   text
  );`,

  `-- One row for each host that has had a serve here, also while it has none.
  CREATE TABLE xapplepush.hosts (
    id             text COLLATE "C" PRIMARY KEY, -- as leases name it
    name           text NOT NULL,
    program        text NOT NULL,
    clock_ahead_ms bigint NOT NULL, -- how far the server's clock was ahead of its own
    since_ms       bigint NOT NULL,
    seen_ms        bigint NOT NULL,
    ended_ms       bigint -- when its serve said that it ends
  );

  -- What one host at a time does, and until when it has that by the server's clock.
  CREATE TABLE xapplepush.duties (
    name     text COLLATE "C" PRIMARY KEY,
    owner    text COLLATE "C" NOT NULL,
    until_ms bigint NOT NULL
  );

  -- One row for the entries that a host has brought at once, as lines of JSON, so that they cost little to keep.
  CREATE TABLE xapplepush.history (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch    text COLLATE "C" NOT NULL UNIQUE, -- brought again after a commit that was not heard, it is the same
    host     text NOT NULL,
    shelf    text COLLATE "C" NOT NULL,
    until_ms bigint NOT NULL,
    entries  bigint NOT NULL,
    lines    text NOT NULL
  );
  CREATE INDEX history_by_time ON xapplepush.history (until_ms, id);`,

  `-- Whose mailboxes devices ask for; those of nobody any more may be among them.
  CREATE TABLE xapplepush.owners (
    owner text COLLATE "C" PRIMARY KEY
  );

  -- Before the triggers, which would queue one call for each; nobody can add one until this is committed.
  LOCK TABLE xapplepush.subscriptions IN SHARE ROW EXCLUSIVE MODE;
  INSERT INTO xapplepush.owners SELECT DISTINCT owner FROM xapplepush.subscriptions;

  -- Another one with each owner who comes, and where some are forgotten, in the same commit; unlike a number it is
  -- never the same in another database.
  CREATE TABLE xapplepush.owners_edition (
    id      integer PRIMARY KEY CHECK (id = 1),
    edition uuid NOT NULL
  );
  INSERT INTO xapplepush.owners_edition VALUES (1, gen_random_uuid());

  -- By triggers, so that nobody who registers a device can leave it out, older programs least of all.
  CREATE FUNCTION xapplepush.note_owners() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO xapplepush.owners SELECT DISTINCT owner FROM added ORDER BY owner ON CONFLICT DO NOTHING;
    RETURN NULL;
  END $$;
  CREATE TRIGGER note_owners AFTER INSERT ON xapplepush.subscriptions REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION xapplepush.note_owners();

  -- At the commit, where nothing else is waited for: its row is held by one transaction at a time.
  CREATE FUNCTION xapplepush.change_owners_edition() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF coalesce(current_setting('xapplepush.edition_changed', true), '') = '' THEN
      UPDATE xapplepush.owners_edition SET edition = gen_random_uuid();
      PERFORM set_config('xapplepush.edition_changed', 'yes', true); -- until the transaction ends
    END IF;
    RETURN NULL;
  END $$;
  CREATE CONSTRAINT TRIGGER change_owners_edition AFTER INSERT ON xapplepush.owners
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION xapplepush.change_owners_edition();`,

  `ALTER TABLE xapplepush.targets ADD COLUMN expires_ms bigint; -- NULL for Mail, which does not run out
  CREATE INDEX targets_by_expiry ON xapplepush.targets (expires_ms) WHERE expires_ms IS NOT NULL;`,

  `-- Whom a batch is about; '' where it may be anybody, as all that older programs bring.
  ALTER TABLE xapplepush.history ADD COLUMN users text[] COLLATE "C" NOT NULL DEFAULT '{""}';
  CREATE INDEX history_by_user ON xapplepush.history USING gin (users);`,

  `CREATE INDEX history_of_anybody ON xapplepush.history (until_ms, id) WHERE users @> '{""}';`,

  OTHER_SERVICES,
];
