-- Long work that people follow, while it runs and for some time after. Times are milliseconds since 1970.

-- `owner`: id of the account that began it; `server` for work of the server. `subject`: a file, an image. `total`: NULL: unknown.
-- `message`: why it failed. `result`: path of the page that shows what it made; ''.
CREATE TABLE jobs (
  id           TEXT   COLLATE "C" PRIMARY KEY,
  kind         TEXT NOT NULL,
  owner        TEXT NOT NULL,
  subject      TEXT NOT NULL,
  unit         TEXT NOT NULL,
  state        TEXT NOT NULL,
  done         BIGINT NOT NULL,
  total        BIGINT,
  message      TEXT NOT NULL,
  result       TEXT NOT NULL,
  started_at   BIGINT NOT NULL,
  updated_at   BIGINT NOT NULL,
  ended_at     BIGINT,
  cancelled_at BIGINT
);
CREATE INDEX jobs_by_owner ON jobs (owner, started_at);
CREATE INDEX jobs_by_time ON jobs (started_at);
CREATE INDEX jobs_by_update ON jobs (updated_at);
