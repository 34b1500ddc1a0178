-- The last run of each scheduled job, in any process. Times are milliseconds since 1970.

-- `failed_at`: of the last failure; NULL: none. `error`: its message; ''.
CREATE TABLE job_runs (
  name         TEXT   COLLATE "C" PRIMARY KEY,
  ended_at     BIGINT NOT NULL,
  milliseconds BIGINT NOT NULL,
  failed_at    BIGINT,
  error        TEXT   NOT NULL
);
