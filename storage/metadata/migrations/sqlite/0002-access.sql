-- Who may do what. Times are milliseconds since 1970, flags 0 or 1.

-- Users and robots: whoever can log in. Ids are never used twice: tokens and grants name them.
CREATE TABLE accounts (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  kind          TEXT    NOT NULL CHECK (kind IN ('user', 'robot')),
  name          TEXT    NOT NULL UNIQUE,
  password_hash TEXT,
  is_admin      INTEGER NOT NULL DEFAULT 0,
  is_disabled   INTEGER NOT NULL DEFAULT 0,
  expires_at    INTEGER,
  -- Raised when every bearer token of the account must die: they carry it.
  generation    INTEGER NOT NULL DEFAULT 0,
  created_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX accounts_by_kind ON accounts (kind, name);
CREATE INDEX accounts_by_admin ON accounts (id) WHERE is_admin = 1;

CREATE TABLE teams (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT    NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE team_members (
  account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  team_id    INTEGER NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
  PRIMARY KEY (account_id, team_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX team_members_by_team ON team_members (team_id, account_id);

-- subject: 'account:<id>', 'team:<id>', 'authenticated' or 'anonymous'. actions: 'pull,push', comma-separated.
CREATE TABLE grants (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  subject    TEXT    NOT NULL,
  pattern    TEXT    NOT NULL,
  actions    TEXT    NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (subject, pattern)
) STRICT;

-- Secrets that stand for an account; only their hash is kept. scopes: JSON, or null where nothing is taken away.
CREATE TABLE access_tokens (
  id           TEXT    PRIMARY KEY,
  kind         TEXT    NOT NULL CHECK (kind IN ('personal', 'robot', 'refresh', 'session')),
  account_id   INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  name         TEXT    NOT NULL,
  secret_hash  TEXT    NOT NULL UNIQUE,
  scopes       TEXT,
  created_at   INTEGER NOT NULL,
  expires_at   INTEGER,
  last_used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX access_tokens_by_account ON access_tokens (account_id, kind, created_at);
CREATE INDEX access_tokens_by_expiry ON access_tokens (expires_at) WHERE expires_at IS NOT NULL;

-- Keys of the bearer tokens (PEM). The newest signs; the others only verify, until they retire.
CREATE TABLE signing_keys (
  kid         TEXT    PRIMARY KEY,
  private_key TEXT    NOT NULL,
  created_at  INTEGER NOT NULL,
  retires_at  INTEGER
) STRICT, WITHOUT ROWID;

-- Repositories are private but for these. pattern: a name, or a pattern with a wildcard at its end.
CREATE TABLE visibilities (
  pattern     TEXT    PRIMARY KEY,
  is_public   INTEGER NOT NULL,
  is_wildcard INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX visibilities_by_wildcard ON visibilities (pattern) WHERE is_wildcard = 1;
CREATE INDEX visibilities_by_public ON visibilities (pattern) WHERE is_public = 1 AND is_wildcard = 0;

-- One row: raised by every change that takes or gives a right, so that a process knows when to look again.
CREATE TABLE access_epoch (
  id    INTEGER PRIMARY KEY CHECK (id = 1),
  epoch INTEGER NOT NULL
) STRICT;
INSERT INTO access_epoch (id, epoch) VALUES (1, 1);

CREATE TABLE audit_events (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  at      INTEGER NOT NULL,
  actor   TEXT    NOT NULL,
  address TEXT    NOT NULL,
  action  TEXT    NOT NULL,
  target  TEXT    NOT NULL,
  result  TEXT    NOT NULL,
  detail  TEXT
) STRICT;
CREATE INDEX audit_events_by_actor ON audit_events (actor, id);
CREATE INDEX audit_events_by_target ON audit_events (target, id);
CREATE INDEX audit_events_by_time ON audit_events (at);

-- An upload session serves only who began it; '' is everybody (open mode).
ALTER TABLE uploads ADD COLUMN owner TEXT NOT NULL DEFAULT '';
