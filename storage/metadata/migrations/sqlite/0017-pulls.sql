-- When clients last pulled a manifest, also as a part of an index: for rules of retention. Times are milliseconds since 1970.
-- The row outlives the manifest while the store has its bytes, so that a restored manifest keeps its time.
CREATE TABLE manifest_pulls (
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  digest        TEXT    NOT NULL REFERENCES blobs (digest) ON DELETE CASCADE,
  pulled_at     INTEGER NOT NULL,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_pulls_by_digest ON manifest_pulls (digest);

-- One row: since when pulls are recorded. Nothing is known of earlier ones.
CREATE TABLE pull_tracking (
  id         INTEGER PRIMARY KEY CHECK (id = 1),
  started_at INTEGER NOT NULL
) STRICT;
