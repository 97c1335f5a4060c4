-- xapplepush's database: the whole schema, version 11.
-- A new database is made from this file. An older one is brought here by the migrations of src/store/sqlite/migrations.ts,
-- which are only ever appended to. A database newer than the program is refused.
--
-- All times are milliseconds since the epoch. PRAGMA user_version holds the version of the schema.

-- When this database reached which version, and by which version of the program.
CREATE TABLE migrations (
  version    INTEGER PRIMARY KEY,
  applied_ms INTEGER NOT NULL,
  program    TEXT NOT NULL
) STRICT;

-- Who gets a push: a user's account on a device, or a calendar or an address book that a user's device hears of, whose
-- account_id is the key that the device knows it by. The user is part of the key, so nobody takes over
-- a target by claiming its ids; a cloned phone has the same account id under another token.
CREATE TABLE targets (
  id               INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again, so an outbox row cannot change hands
  user             TEXT NOT NULL,    -- made comparable by the `users` rules
  device_token     TEXT NOT NULL,    -- lower-case hex
  account_id       TEXT NOT NULL,    -- exactly as registered; of a collection owner/unique id
  subtopic         TEXT NOT NULL,    -- com.apple.mobilemail, calendar or contacts
  aps_version      INTEGER NOT NULL,
  topic            TEXT NOT NULL,    -- aps_topic in force at the registration; '' if none was known
  source           TEXT NOT NULL,    -- cyrus | dovecot-plugin | xaps | http | other
  registered_ms    INTEGER NOT NULL, -- first registration
  renewed_ms       INTEGER NOT NULL, -- latest registration
  last_push_ms     INTEGER,          -- latest attempt
  last_success_ms  INTEGER,          -- latest 200 from Apple
  last_error       TEXT,             -- reason of the latest answer that was no 200
  last_error_ms    INTEGER,
  failures         INTEGER NOT NULL DEFAULT 0, -- answers in a row that were no 200
  failing_since_ms INTEGER,         -- first of them that Apple gave and that is not our own mistake
  disabled_ms      INTEGER,          -- no pushes from here on, until it registers again
  expires_ms       INTEGER,          -- no pushes from here on; NULL for Mail, which does not run out
  UNIQUE (user, device_token, account_id)
) STRICT;

CREATE INDEX targets_by_renewal ON targets (renewed_ms);
CREATE INDEX targets_by_expiry ON targets (expires_ms) WHERE expires_ms IS NOT NULL;

-- A mailbox that a target wants to hear of. Replaced as a whole at each registration.
CREATE TABLE subscriptions (
  target_id INTEGER NOT NULL REFERENCES targets (id) ON DELETE CASCADE,
  owner     TEXT NOT NULL, -- made comparable by the `users` rules; '' for a shared mailbox; #calendar or #contacts
  path      TEXT NOT NULL, -- the unique id of such a collection, else UTF-8 name as its owner sees it; INBOX in capitals
  name      TEXT NOT NULL, -- exactly as registered (modified UTF-7)
  hash      TEXT,          -- MD5 of the decoded name for `m`; NULL where the server did not echo the name
  PRIMARY KEY (target_id, owner, path)
) STRICT, WITHOUT ROWID;

-- Holds all that an event asks for, and nothing else: the fewer pages, the faster among a million targets.
CREATE INDEX subscriptions_by_mailbox ON subscriptions (owner, path);

-- The pushes that wait for Apple: one row a target. A newer event joins the waiting row.
CREATE TABLE outbox (
  target_id      INTEGER PRIMARY KEY REFERENCES targets (id) ON DELETE CASCADE,
  apns_id        TEXT NOT NULL,    -- random; of it and of what is told each attempt's apns-id is made
  generation     INTEGER NOT NULL, -- raised by every event that joins
  event          TEXT NOT NULL,    -- name of the latest event
  enqueued_ms    INTEGER NOT NULL, -- when the first event of this row was taken
  event_ms       INTEGER NOT NULL, -- when the latest event happened; `give_up` counts from the later of the two
  due_ms         INTEGER NOT NULL, -- no attempt before
  attempts       INTEGER NOT NULL DEFAULT 0, -- recorded before each attempt is made
  attempted_ms   INTEGER,
  held_by        TEXT,             -- why it waits: device | apple | connection | credential | topic | gone
  last_reason    TEXT,
  lease_owner    TEXT,             -- the process that is sending it now, and its host
  lease_until_ms INTEGER
) STRICT;

CREATE INDEX outbox_by_due ON outbox (due_ms);
-- Finds what is older than `give_up`, however much waits.
CREATE INDEX outbox_by_event ON outbox (event_ms);
-- Finds what is being sent, however much waits.
CREATE INDEX outbox_by_lease ON outbox (lease_owner) WHERE lease_owner IS NOT NULL;

-- What a waiting push is about.
CREATE TABLE outbox_mailboxes (
  target_id  INTEGER NOT NULL REFERENCES outbox (target_id) ON DELETE CASCADE,
  owner      TEXT NOT NULL,
  path       TEXT NOT NULL,
  generation INTEGER NOT NULL, -- of the latest event in this mailbox; what a push covered is deleted up to its own
  PRIMARY KEY (target_id, owner, path)
) STRICT, WITHOUT ROWID;

-- What a credential has achieved at a server: BadDeviceToken removes a target only where pushes got through.
CREATE TABLE credentials (
  fingerprint     TEXT NOT NULL, -- SHA-256 of the certificate
  server          TEXT NOT NULL,
  successes       INTEGER NOT NULL DEFAULT 0,
  last_success_ms INTEGER,
  bad_tokens      INTEGER NOT NULL DEFAULT 0, -- BadDeviceToken answers since the latest success
  warned_ms       INTEGER, -- when its end was last told in the log
  gone            INTEGER NOT NULL DEFAULT 0, -- 410 answers since the latest success
  PRIMARY KEY (fingerprint, server)
) STRICT, WITHOUT ROWID;

-- The provider token (JWT) in use, shared by all processes: Apple refuses whoever makes new ones often.
CREATE TABLE provider_tokens (
  fingerprint TEXT PRIMARY KEY, -- SHA-256 of key id, team id and public key
  jwt         TEXT NOT NULL,
  issued_ms   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who delivers. One row.
CREATE TABLE deliverer (
  id              INTEGER PRIMARY KEY CHECK (id = 1),
  until_ms        INTEGER NOT NULL, -- somebody starts a deliverer; of many handlers at once others start none before
  served_until_ms INTEGER NOT NULL, -- this and the next: of programs before version 5, which may still run
  served_since_ms INTEGER,
  edition         TEXT,             -- of the configuration and program that delivered last
  clock_told_ms   INTEGER,          -- when times in the future were last told in the log
  clock_seen_ms   INTEGER,          -- what the clock said when somebody delivered last
  doubted_ms      INTEGER           -- since then the clock may be ahead: for an hour nothing is given up for its age
) STRICT;
INSERT INTO deliverer (id, until_ms, served_until_ms) VALUES (1, 0, 0);

-- Each `serve` that is there.
CREATE TABLE serves (
  owner        TEXT PRIMARY KEY, -- its process, as in outbox.lease_owner
  since_ms     INTEGER NOT NULL, -- when that process began
  announced_ms INTEGER NOT NULL, -- it says so again and again as long as it runs
  outdated     TEXT,             -- what it works with and is no longer what lies there: a path, or the program
  closed_doors TEXT              -- those that are not open as configured: a list in JSON; NULL where all are
) STRICT, WITHOUT ROWID;

-- Where other push services than Apple's reach an app of a user.
CREATE TABLE endpoints (
  id              INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again, so a notice cannot change hands
  user            TEXT NOT NULL,    -- made comparable by the `users` rules
  service         TEXT NOT NULL,    -- deltachat | webpush | webhook
  address         TEXT NOT NULL,    -- what the service needs to reach it: a secret
  fingerprint     TEXT NOT NULL,    -- SHA-256 of what stays the same when it is renewed
  registered_ms   INTEGER NOT NULL, -- first registration
  renewed_ms      INTEGER NOT NULL, -- latest registration
  expires_ms      INTEGER,          -- nothing is told from here on; NULL where it does not run out
  proven_ms       INTEGER,          -- when the service first took a notice; NULL: it is not told of mail yet
  last_success_ms INTEGER,
  last_error      TEXT,             -- of the latest answer that was no success
  last_error_ms   INTEGER,
  failures        INTEGER NOT NULL DEFAULT 0, -- answers in a row that were no success
  UNIQUE (user, service, fingerprint)
) STRICT;
CREATE INDEX endpoints_by_expiry ON endpoints (expires_ms) WHERE expires_ms IS NOT NULL;

-- The notices that wait for other push services: one row an endpoint. A newer event joins the waiting row.
CREATE TABLE notices (
  endpoint_id    INTEGER PRIMARY KEY REFERENCES endpoints (id) ON DELETE CASCADE,
  notice_id      TEXT NOT NULL,    -- random, and the same at each attempt
  generation     INTEGER NOT NULL, -- raised by every event that joins
  event          TEXT NOT NULL,    -- name of the latest event; validation or test
  mailbox        TEXT NOT NULL,    -- of the latest event
  enqueued_ms    INTEGER NOT NULL, -- when the first event of this row was taken
  event_ms       INTEGER NOT NULL, -- when the latest event happened
  due_ms         INTEGER NOT NULL, -- no attempt before
  attempts       INTEGER NOT NULL DEFAULT 0, -- recorded before each attempt is made
  attempted_ms   INTEGER,
  lease_owner    TEXT,             -- the process that is sending it now, and its host
  lease_until_ms INTEGER
) STRICT;
CREATE INDEX notices_by_due ON notices (due_ms);

-- IMAP METADATA that a mail server keeps here, of all clients.
CREATE TABLE metadata (
  user       TEXT NOT NULL, -- as the mail server says it; '' for what is shared
  key        TEXT NOT NULL,
  value      BLOB NOT NULL,
  changed_ms INTEGER NOT NULL,
  PRIMARY KEY (user, key)
) STRICT, WITHOUT ROWID;
