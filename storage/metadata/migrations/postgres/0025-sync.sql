-- Copies between registries (sync). Times are milliseconds since 1970. An entry is named as in the configuration.

-- State of an entry, and its last run. `requested_at`: a person wants a run now. `retry_at`: a failed run is tried again then.
CREATE TABLE sync_entries (
  name          TEXT COLLATE "C" PRIMARY KEY,
  first_seen_at BIGINT NOT NULL,
  requested_at  BIGINT,
  started_at    BIGINT,
  ended_at      BIGINT,
  succeeded_at  BIGINT,
  retry_at      BIGINT,
  failures      BIGINT NOT NULL,
  error         TEXT,
  summary       TEXT
);

-- What the last run could not copy or delete. `reference` is '' for the repository as a whole.
CREATE TABLE sync_failures (
  entry      TEXT COLLATE "C" NOT NULL REFERENCES sync_entries (name) ON DELETE CASCADE,
  repository TEXT COLLATE "C" NOT NULL,
  reference  TEXT COLLATE "C" NOT NULL,
  reason     TEXT NOT NULL,
  PRIMARY KEY (entry, repository, reference)
);

-- Where a tag pointed, at both sides, when the entry looked at it last: so the next run finds out which side has moved it.
-- `repository` is the name at the target. `target_digest` is null where the tag was deleted there. `differs_since`: when the two
-- were first found unequal, and left so.
CREATE TABLE sync_tags (
  entry         TEXT COLLATE "C" NOT NULL,
  repository    TEXT COLLATE "C" NOT NULL,
  tag           TEXT COLLATE "C" NOT NULL,
  source_digest TEXT COLLATE "C" NOT NULL,
  target_digest TEXT COLLATE "C",
  differs_since BIGINT,
  PRIMARY KEY (entry, repository, tag)
);

-- Unfinished uploads of blobs to targets: the id of a session of this registry, or the address of an upload at another one.
CREATE TABLE sync_uploads (
  entry      TEXT COLLATE "C" NOT NULL,
  repository TEXT COLLATE "C" NOT NULL,
  digest     TEXT COLLATE "C" NOT NULL,
  session    TEXT NOT NULL,
  begun_at   BIGINT NOT NULL,
  PRIMARY KEY (entry, repository, digest)
);
CREATE INDEX sync_uploads_by_time ON sync_uploads (begun_at);
