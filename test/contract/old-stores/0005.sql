-- The password of alice: 2rx040YrDmFfWoSFNpNmxL0u
CREATE TABLE access_epoch (
  id    INTEGER PRIMARY KEY CHECK (id = 1),
  epoch INTEGER NOT NULL
) STRICT;
INSERT INTO "access_epoch" VALUES(1,2);
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
INSERT INTO "accounts" VALUES(1,'user','alice','scrypt$32768$8$3$2NuocGJxPJZpitsXmeQyNg==$xmJTMn+Zjv51pIA3IzhpWl6uyh/FwyY00LCXHXp3eVk=',0,0,NULL,0,1795319788269);
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
INSERT INTO "audit_events" VALUES(1,1795319788269,'command line','','user.create','alice','done',NULL);
CREATE TABLE blobs (
  digest     TEXT    PRIMARY KEY,
  size_bytes INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "blobs" VALUES('sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88',163,1795319782972);
INSERT INTO "blobs" VALUES('sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',395,1795319782977);
INSERT INTO "blobs" VALUES('sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5',30,1795319782959);
CREATE TABLE grants (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  subject    TEXT    NOT NULL,
  pattern    TEXT    NOT NULL,
  actions    TEXT    NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (subject, pattern)
) STRICT;
CREATE TABLE leases (
  name       TEXT    PRIMARY KEY,
  holder     TEXT    NOT NULL,
  held_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE links (
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  digest        TEXT    NOT NULL REFERENCES blobs (digest),
  created_at    INTEGER NOT NULL,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;
INSERT INTO "links" VALUES(1,'sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88',1795319782972);
INSERT INTO "links" VALUES(1,'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5',1795319782959);
CREATE TABLE manifest_references (
  repository_id INTEGER NOT NULL,
  manifest      TEXT    NOT NULL,
  digest        TEXT    NOT NULL,
  PRIMARY KEY (repository_id, manifest, digest),
  FOREIGN KEY (repository_id, manifest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "manifest_references" VALUES(1,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88');
INSERT INTO "manifest_references" VALUES(1,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5');
CREATE TABLE manifests (
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  digest        TEXT    NOT NULL REFERENCES blobs (digest),
  media_type    TEXT    NOT NULL,
  size_bytes    INTEGER NOT NULL,
  artifact_type TEXT,
  subject       TEXT,
  annotations   TEXT,
  pushed_at     INTEGER NOT NULL,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;
INSERT INTO "manifests" VALUES(1,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','application/vnd.oci.image.manifest.v1+json',395,'application/vnd.oci.image.config.v1+json',NULL,NULL,1795319783017);
CREATE TABLE mirrored_content (
  digest     TEXT    PRIMARY KEY REFERENCES blobs (digest) ON DELETE CASCADE,
  size_bytes INTEGER NOT NULL,
  used_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE mirrored_promises (
  repository_id INTEGER NOT NULL REFERENCES mirrored_repositories (repository_id) ON DELETE CASCADE,
  digest        TEXT    NOT NULL,
  size_bytes    INTEGER NOT NULL,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE mirrored_repositories (
  repository_id INTEGER PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
  upstream      TEXT    NOT NULL
) STRICT;
CREATE TABLE mirrored_tags (
  repository_id INTEGER NOT NULL REFERENCES mirrored_repositories (repository_id) ON DELETE CASCADE,
  name          TEXT    NOT NULL,
  digest        TEXT    NOT NULL,
  media_type    TEXT    NOT NULL,
  size_bytes    INTEGER NOT NULL,
  checked_at    INTEGER NOT NULL,
  missing_since INTEGER, -- the upstream knows it no longer
  PRIMARY KEY (repository_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE oidc_subjects (
  issuer     TEXT    NOT NULL,
  subject    TEXT    NOT NULL,
  account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;
CREATE TABLE repositories (
  id         INTEGER PRIMARY KEY,
  name       TEXT    NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;
INSERT INTO "repositories" VALUES(1,'team/app',1795319782959);
CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
INSERT INTO "schema_migrations" VALUES(1,'0001-registry.sql');
INSERT INTO "schema_migrations" VALUES(2,'0002-access.sql');
INSERT INTO "schema_migrations" VALUES(3,'0003-mirror.sql');
INSERT INTO "schema_migrations" VALUES(4,'0004-coordination.sql');
INSERT INTO "schema_migrations" VALUES(5,'0005-oidc.sql');
CREATE TABLE signing_keys (
  kid         TEXT    PRIMARY KEY,
  private_key TEXT    NOT NULL,
  created_at  INTEGER NOT NULL,
  retires_at  INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE tags (
  repository_id INTEGER NOT NULL,
  name          TEXT    NOT NULL,
  digest        TEXT    NOT NULL,
  updated_at    INTEGER NOT NULL,
  PRIMARY KEY (repository_id, name),
  FOREIGN KEY (repository_id, digest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "tags" VALUES(1,'1.0','sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',1795319782977);
INSERT INTO "tags" VALUES(1,'latest','sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',1795319783017);
CREATE TABLE team_members (
  account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  team_id    INTEGER NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
  PRIMARY KEY (account_id, team_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE teams (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT    NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE uploads (
  id         TEXT    PRIMARY KEY,
  repository TEXT    NOT NULL,
  algorithm  TEXT    NOT NULL,
  started_at INTEGER NOT NULL
, owner TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;
CREATE TABLE visibilities (
  pattern     TEXT    PRIMARY KEY,
  is_public   INTEGER NOT NULL,
  is_wildcard INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX links_by_digest ON links (digest, repository_id);
CREATE INDEX manifests_by_subject ON manifests (repository_id, subject, digest) WHERE subject IS NOT NULL;
CREATE INDEX manifests_by_subject_and_type ON manifests (repository_id, subject, artifact_type, digest) WHERE subject IS NOT NULL;
CREATE INDEX manifests_by_digest ON manifests (digest);
CREATE INDEX manifest_references_by_digest ON manifest_references (repository_id, digest);
CREATE INDEX tags_by_digest ON tags (repository_id, digest);
CREATE INDEX uploads_by_start ON uploads (started_at);
CREATE INDEX accounts_by_kind ON accounts (kind, name);
CREATE INDEX accounts_by_admin ON accounts (id) WHERE is_admin = 1;
CREATE INDEX team_members_by_team ON team_members (team_id, account_id);
CREATE INDEX access_tokens_by_account ON access_tokens (account_id, kind, created_at);
CREATE INDEX access_tokens_by_expiry ON access_tokens (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX visibilities_by_wildcard ON visibilities (pattern) WHERE is_wildcard = 1;
CREATE INDEX visibilities_by_public ON visibilities (pattern) WHERE is_public = 1 AND is_wildcard = 0;
CREATE INDEX audit_events_by_actor ON audit_events (actor, id);
CREATE INDEX audit_events_by_target ON audit_events (target, id);
CREATE INDEX audit_events_by_time ON audit_events (at);
CREATE INDEX mirrored_tags_by_digest ON mirrored_tags (repository_id, digest);
CREATE INDEX mirrored_content_by_use ON mirrored_content (used_at, digest);
CREATE INDEX leases_by_end ON leases (held_until);
CREATE INDEX oidc_subjects_by_account ON oidc_subjects (account_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('accounts',1);
INSERT INTO "sqlite_sequence" VALUES('audit_events',1);
