-- One-time images that show whether a client uses this server. owner: of the page's visitor; '' in mode open. used_at and what
-- follows: the first pull; null before it. Times are milliseconds since 1970.
CREATE TABLE client_checks (
  code       TEXT COLLATE "C" PRIMARY KEY,
  owner      TEXT COLLATE "C" NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at    BIGINT,
  client     TEXT,
  address    TEXT,
  upstream   TEXT
);
CREATE INDEX client_checks_by_end ON client_checks (expires_at);
CREATE INDEX client_checks_by_owner ON client_checks (owner, expires_at);
