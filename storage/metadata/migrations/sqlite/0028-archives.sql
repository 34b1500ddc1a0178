-- Uploaded archives of images that wait for their commit. Their blobs are in upload sessions. Times are milliseconds since 1970.

-- `owner`: the account that sent it. `plan`: JSON, see src/archives/in/plan.ts.
CREATE TABLE archives (
  id         TEXT    PRIMARY KEY,
  owner      TEXT    NOT NULL,
  repository TEXT    NOT NULL,
  started_at INTEGER NOT NULL,
  plan       TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX archives_by_time ON archives (started_at);
