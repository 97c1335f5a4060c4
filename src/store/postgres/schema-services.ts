/** The tables of push services beside Apple's, and of METADATA: one of the migrations, and as these never edited. */
export const OTHER_SERVICES = `-- Where other push services than Apple's reach an app of a user.
  CREATE TABLE xapplepush.endpoints (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_name       text COLLATE "C" NOT NULL,
    service         text COLLATE "C" NOT NULL,
    address         text NOT NULL,
    fingerprint     text COLLATE "C" NOT NULL,
    registered_ms   bigint NOT NULL,
    renewed_ms      bigint NOT NULL,
    expires_ms      bigint,
    proven_ms       bigint,
    last_success_ms bigint,
    last_error      text,
    last_error_ms   bigint,
    failures        integer NOT NULL DEFAULT 0,
    UNIQUE (user_name, service, fingerprint)
  );
  CREATE INDEX endpoints_by_expiry ON xapplepush.endpoints (expires_ms) WHERE expires_ms IS NOT NULL;

  -- The notices that wait for other push services: one row an endpoint.
  CREATE TABLE xapplepush.notices (
    endpoint_id    bigint PRIMARY KEY REFERENCES xapplepush.endpoints (id) ON DELETE CASCADE,
    notice_id      text NOT NULL,
    generation     bigint NOT NULL,
    event          text NOT NULL,
    mailbox        text NOT NULL,
    enqueued_ms    bigint NOT NULL,
    event_ms       bigint NOT NULL,
    due_ms         bigint NOT NULL,
    attempts       integer NOT NULL DEFAULT 0,
    attempted_ms   bigint,
    lease_owner    text,
    lease_until_ms bigint
  );
  CREATE INDEX notices_by_due ON xapplepush.notices (due_ms);

  -- IMAP METADATA that mail servers keep here, of all clients.
  CREATE TABLE xapplepush.metadata (
    user_name  text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    value      bytea NOT NULL,
    changed_ms bigint NOT NULL,
    PRIMARY KEY (user_name, key)
  );`;
