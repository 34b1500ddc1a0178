-- The last run of each scheduled job, in any process. Times are milliseconds since 1970.

-- `failed_at`: of the last failure; NULL: none. `error`: its message; ''.
CREATE TABLE job_runs (
  name         TEXT    PRIMARY KEY,
  ended_at     INTEGER NOT NULL,
  milliseconds INTEGER NOT NULL,
  failed_at    INTEGER,
  error        TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
