-- Uploaded archives of images that wait for their commit. Their blobs are in upload sessions. Times are milliseconds since 1970.

-- `owner`: the account that sent it. `plan`: JSON, see src/archives/in/plan.ts.
CREATE TABLE archives (
  id         TEXT   COLLATE "C" PRIMARY KEY,
  owner      TEXT   NOT NULL,
  repository TEXT   NOT NULL,
  started_at BIGINT NOT NULL,
  plan       TEXT   NOT NULL
);
CREATE INDEX archives_by_time ON archives (started_at);
