-- Webhooks: messages for targets, and how their delivery went. Times are milliseconds since 1970.

-- The targets that a server was started with. waiting, dead: counts of webhook_deliveries. failures: in a row, of the receiver as a
-- whole; nothing is sent before retry_at. seen_at: when a server last had the target in its configuration.
CREATE TABLE webhook_targets (
  name         TEXT    PRIMARY KEY,
  waiting      INTEGER NOT NULL DEFAULT 0,
  dead         INTEGER NOT NULL DEFAULT 0,
  failures     INTEGER NOT NULL DEFAULT 0,
  retry_at     INTEGER NOT NULL DEFAULT 0,
  succeeded_at INTEGER,
  failed_at    INTEGER,
  error        TEXT,
  seen_at      INTEGER NOT NULL
) STRICT;

-- The repositories of a target with waiting messages; '' is for messages about no repository. Those of one repository are sent in the
-- order of their ids, one after the other, and not before due_at. failures: in a row, of the first message.
CREATE TABLE webhook_queues (
  target     TEXT    NOT NULL,
  repository TEXT    NOT NULL,
  failures   INTEGER NOT NULL DEFAULT 0,
  due_at     INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (target, repository)
) STRICT;
CREATE INDEX webhook_queues_by_time ON webhook_queues (target, due_at, repository);

-- state: 'waiting', 'delivered' or 'dead' (given up, can be sent again). content: JSON, see src/webhooks/message.ts. queued_at: when it
-- began to wait. status: of the last response; null: none.
CREATE TABLE webhook_deliveries (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  target     TEXT    NOT NULL,
  message_id TEXT    NOT NULL,
  repository TEXT    NOT NULL,
  type       TEXT    NOT NULL,
  content    TEXT    NOT NULL,
  state      TEXT    NOT NULL,
  queued_at  INTEGER NOT NULL,
  attempts   INTEGER NOT NULL DEFAULT 0,
  status     INTEGER,
  error      TEXT,
  ended_at   INTEGER,
  UNIQUE (target, message_id)
) STRICT;
CREATE INDEX webhook_deliveries_by_repository ON webhook_deliveries (target, state, repository, id);
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (target, state, id);
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (state, ended_at);
