-- Copies between registries (sync). Times are milliseconds since 1970. An entry is named as in the configuration.

-- State of an entry, and its last run. `requested_at`: a person wants a run now. `retry_at`: a failed run is tried again then.
CREATE TABLE sync_entries (
  name          TEXT PRIMARY KEY,
  first_seen_at INTEGER NOT NULL,
  requested_at  INTEGER,
  started_at    INTEGER,
  ended_at      INTEGER,
  succeeded_at  INTEGER,
  retry_at      INTEGER,
  failures      INTEGER NOT NULL,
  error         TEXT,
  summary       TEXT
) STRICT, WITHOUT ROWID;

-- What the last run could not copy or delete. `reference` is '' for the repository as a whole.
CREATE TABLE sync_failures (
  entry      TEXT NOT NULL REFERENCES sync_entries (name) ON DELETE CASCADE,
  repository TEXT NOT NULL,
  reference  TEXT NOT NULL,
  reason     TEXT NOT NULL,
  PRIMARY KEY (entry, repository, reference)
) STRICT, WITHOUT ROWID;

-- Where a tag pointed, at both sides, when the entry looked at it last: so the next run finds out which side has moved it.
-- `repository` is the name at the target. `target_digest` is null where the tag was deleted there. `differs_since`: when the two
-- were first found unequal, and left so.
CREATE TABLE sync_tags (
  entry         TEXT NOT NULL,
  repository    TEXT NOT NULL,
  tag           TEXT NOT NULL,
  source_digest TEXT NOT NULL,
  target_digest TEXT,
  differs_since INTEGER,
  PRIMARY KEY (entry, repository, tag)
) STRICT, WITHOUT ROWID;

-- Unfinished uploads of blobs to targets: the id of a session of this registry, or the address of an upload at another one.
CREATE TABLE sync_uploads (
  entry      TEXT NOT NULL,
  repository TEXT NOT NULL,
  digest     TEXT NOT NULL,
  session    TEXT NOT NULL,
  begun_at   INTEGER NOT NULL,
  PRIMARY KEY (entry, repository, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX sync_uploads_by_time ON sync_uploads (begun_at);
