-- The password of alice: U58qjbzp2OQfiCmNIFZNL-Pi
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
INSERT INTO "accounts" VALUES(1,'user','alice','scrypt$32768$8$3$EMWaCEnLtcT/0ZoxpLk3nA==$VE+HXpqrtceFwHFLdNBFPjBF13wD/98hSAjHPPl8jIk=',0,0,NULL,0,1795319833714);
CREATE TABLE backups (
  name     TEXT    PRIMARY KEY,
  began_at INTEGER NOT NULL,
  ended_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE blobs (
  digest     TEXT    PRIMARY KEY,
  size_bytes INTEGER NOT NULL,
  created_at INTEGER NOT NULL
, unreferenced_since INTEGER, checked_at INTEGER NOT NULL DEFAULT 0, stored_times INTEGER NOT NULL DEFAULT 1) STRICT, WITHOUT ROWID;
INSERT INTO "blobs" VALUES('sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88',163,1795319830331,NULL,1795319830331,1);
INSERT INTO "blobs" VALUES('sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',395,1795319830344,NULL,1795319830352,2);
INSERT INTO "blobs" VALUES('sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5',30,1795319830175,NULL,1795319830175,1);
CREATE TABLE claims (
  digest   TEXT    NOT NULL,
  claimant TEXT    NOT NULL,
  until    INTEGER NOT NULL,
  PRIMARY KEY (digest, claimant)
) STRICT, WITHOUT ROWID;
CREATE TABLE collection (
  id               INTEGER PRIMARY KEY CHECK (id = 1),
  delay_ms         INTEGER NOT NULL,
  untagged_ms      INTEGER,
  paused_at        INTEGER,
  audit_part       TEXT    NOT NULL,
  audit_repository INTEGER NOT NULL,
  audit_digest     TEXT    NOT NULL,
  audited_at       INTEGER
, purged_at    INTEGER, purged_blobs INTEGER NOT NULL DEFAULT 0, purged_bytes INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "collection" VALUES(1,7200000,NULL,NULL,'links',0,'',NULL,NULL,0,0);
CREATE TABLE collection_blocks (
  reason TEXT    PRIMARY KEY,
  since  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE corrupt_content (
  digest       TEXT    PRIMARY KEY REFERENCES blobs (digest) ON DELETE CASCADE,
  problem      TEXT    NOT NULL, -- missing, wrong_size, wrong_digest
  found_at     INTEGER NOT NULL,
  checked_at   INTEGER NOT NULL,
  repair_error TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE event_cursors (
  consumer TEXT    PRIMARY KEY,
  position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "event_cursors" VALUES('links',2);
CREATE TABLE "events" (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  at      INTEGER NOT NULL,
  actor   TEXT    NOT NULL,
  address TEXT    NOT NULL,
  kind  TEXT    NOT NULL,
  target  TEXT    NOT NULL,
  result  TEXT    NOT NULL,
  detail  TEXT
, repository TEXT, tag TEXT, digest TEXT, previous TEXT, request_id TEXT) STRICT;
INSERT INTO "events" VALUES(1,1795319830344,'','127.0.0.1','manifest.push','team/app','done',NULL,'team/app','1.0','sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',NULL,'fbxhuXpN-6');
INSERT INTO "events" VALUES(2,1795319830352,'','127.0.0.1','manifest.push','team/app','done',NULL,'team/app','latest','sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',NULL,'fbxhuXpN-7');
INSERT INTO "events" VALUES(3,1795319833714,'command line','','user.create','alice','done',NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE grants (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  subject    TEXT    NOT NULL,
  pattern    TEXT    NOT NULL,
  actions    TEXT    NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (subject, pattern)
) STRICT;
CREATE TABLE holds (
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  digest        TEXT    NOT NULL,
  reason        TEXT    NOT NULL,
  actor         TEXT    NOT NULL,
  created_at    INTEGER NOT NULL,
  until         INTEGER,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE leases (
  name       TEXT    PRIMARY KEY,
  holder     TEXT    NOT NULL,
  held_until INTEGER NOT NULL
, note TEXT, wanted INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
CREATE TABLE links (
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  digest        TEXT    NOT NULL REFERENCES blobs (digest),
  created_at    INTEGER NOT NULL,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;
INSERT INTO "links" VALUES(1,'sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88',1795319830331);
INSERT INTO "links" VALUES(1,'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5',1795319830175);
CREATE TABLE manifest_pulls (
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  digest        TEXT    NOT NULL REFERENCES blobs (digest) ON DELETE CASCADE,
  pulled_at     INTEGER NOT NULL,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;
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
INSERT INTO "manifests" VALUES(1,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','application/vnd.oci.image.manifest.v1+json',395,'application/vnd.oci.image.config.v1+json',NULL,NULL,1795319830352);
CREATE TABLE mirrored_content (
  digest     TEXT    PRIMARY KEY REFERENCES blobs (digest) ON DELETE CASCADE,
  size_bytes INTEGER NOT NULL,
  used_at    INTEGER NOT NULL
, is_protected INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
CREATE TABLE mirrored_listings (
  repository TEXT    NOT NULL,
  path       TEXT    NOT NULL, -- below the repository, with its query
  document   TEXT    NOT NULL,
  next       TEXT,             -- query of the next page
  fetched_at INTEGER NOT NULL,
  PRIMARY KEY (repository, path)
) STRICT;
CREATE TABLE mirrored_pins (
  image     TEXT    NOT NULL, -- as the configuration names it
  digest    TEXT    NOT NULL,
  pinned_at INTEGER NOT NULL,
  PRIMARY KEY (image, digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE mirrored_promises (
  repository_id INTEGER NOT NULL REFERENCES mirrored_repositories (repository_id) ON DELETE CASCADE,
  digest        TEXT    NOT NULL,
  size_bytes    INTEGER NOT NULL,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE mirrored_refusals (
  digest     TEXT    PRIMARY KEY,
  refused_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE mirrored_repositories (
  repository_id INTEGER PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
  upstream      TEXT    NOT NULL
, by_login INTEGER NOT NULL DEFAULT 1, is_public INTEGER, checked_at INTEGER NOT NULL DEFAULT 0, proof TEXT) STRICT;
CREATE TABLE mirrored_size (
  id              INTEGER PRIMARY KEY CHECK (id = 1),
  content_bytes   INTEGER NOT NULL,
  protected_bytes INTEGER NOT NULL,
  transit_bytes   INTEGER NOT NULL
) STRICT;
INSERT INTO "mirrored_size" VALUES(1,0,0,0);
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
CREATE TABLE mirrored_transits (
  digest     TEXT    NOT NULL,
  is_leaving INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  since      INTEGER NOT NULL,
  PRIMARY KEY (digest, is_leaving)
) STRICT, WITHOUT ROWID;
CREATE TABLE namespaces (
  name       TEXT    PRIMARY KEY,
  account_id INTEGER REFERENCES accounts (id) ON DELETE SET NULL,
  deleted_at INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO "namespaces" VALUES('alice',1,NULL);
CREATE TABLE oidc_subjects (
  issuer     TEXT    NOT NULL,
  subject    TEXT    NOT NULL,
  account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;
CREATE TABLE pull_tracking (
  id         INTEGER PRIMARY KEY CHECK (id = 1),
  started_at INTEGER NOT NULL
) STRICT;
INSERT INTO "pull_tracking" VALUES(1,1795319830372);
CREATE TABLE purges (
  digest     TEXT    PRIMARY KEY,
  purger     TEXT    NOT NULL,
  size_bytes INTEGER NOT NULL,
  until      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE repositories (
  id         INTEGER PRIMARY KEY,
  name       TEXT    NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;
INSERT INTO "repositories" VALUES(1,'team/app',1795319830175);
CREATE TABLE retention_due (
  repository_id INTEGER PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
  due_at        INTEGER NOT NULL
) STRICT;
CREATE TABLE retention_log (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  at          INTEGER NOT NULL,
  plan_id     TEXT    NOT NULL,
  repository  TEXT    NOT NULL,
  digest      TEXT    NOT NULL,
  tag         TEXT    NOT NULL,
  rule        TEXT    NOT NULL,
  reason      TEXT    NOT NULL,
  outcome     TEXT    NOT NULL,
  is_approved INTEGER NOT NULL
) STRICT;
CREATE TABLE retention_plan_items (
  plan_id       TEXT    NOT NULL REFERENCES retention_plans (id) ON DELETE CASCADE,
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  digest        TEXT    NOT NULL,
  tag           TEXT    NOT NULL,
  pushed_at     INTEGER NOT NULL,
  rule          TEXT    NOT NULL,
  reason        TEXT    NOT NULL,
  PRIMARY KEY (plan_id, repository_id, digest, tag)
) STRICT, WITHOUT ROWID;
CREATE TABLE retention_plans (
  id          TEXT    PRIMARY KEY,
  made_at     INTEGER NOT NULL,
  rules_hash  TEXT    NOT NULL,
  reason      TEXT    NOT NULL,
  approved_by TEXT,
  approved_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE retention_rules (
  hash          TEXT    PRIMARY KEY,
  first_seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE retention_state (
  id               INTEGER PRIMARY KEY CHECK (id = 1),
  alive_at         INTEGER NOT NULL,
  ran_at           INTEGER NOT NULL,
  sweep_position   INTEGER
) STRICT;
CREATE TABLE reviews (
  repository_id INTEGER NOT NULL,
  digest        TEXT    NOT NULL,
  due_at        INTEGER NOT NULL,
  is_urgent     INTEGER NOT NULL DEFAULT 0,
  failures      INTEGER NOT NULL DEFAULT 0,
  last_error    TEXT,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;
INSERT INTO "reviews" VALUES(1,'sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88',1795327030331,0,0,NULL);
INSERT INTO "reviews" VALUES(1,'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5',1795327030175,0,0,NULL);
CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
INSERT INTO "schema_migrations" VALUES(1,'0001-registry.sql');
INSERT INTO "schema_migrations" VALUES(2,'0002-access.sql');
INSERT INTO "schema_migrations" VALUES(3,'0003-mirror.sql');
INSERT INTO "schema_migrations" VALUES(4,'0004-coordination.sql');
INSERT INTO "schema_migrations" VALUES(5,'0005-oidc.sql');
INSERT INTO "schema_migrations" VALUES(6,'0006-mirror-pins.sql');
INSERT INTO "schema_migrations" VALUES(7,'0007-mirror-size.sql');
INSERT INTO "schema_migrations" VALUES(8,'0008-upstream-visibility.sql');
INSERT INTO "schema_migrations" VALUES(9,'0009-lease-notes.sql');
INSERT INTO "schema_migrations" VALUES(10,'0010-namespaces.sql');
INSERT INTO "schema_migrations" VALUES(11,'0011-bcrypt-cost.sql');
INSERT INTO "schema_migrations" VALUES(12,'0012-tag-moves.sql');
INSERT INTO "schema_migrations" VALUES(13,'0013-mirror-listings.sql');
INSERT INTO "schema_migrations" VALUES(14,'0014-wanted-leases.sql');
INSERT INTO "schema_migrations" VALUES(15,'0015-upload-limits.sql');
INSERT INTO "schema_migrations" VALUES(16,'0016-trash.sql');
INSERT INTO "schema_migrations" VALUES(17,'0017-pulls.sql');
INSERT INTO "schema_migrations" VALUES(18,'0018-events.sql');
INSERT INTO "schema_migrations" VALUES(19,'0019-collection.sql');
INSERT INTO "schema_migrations" VALUES(20,'0020-retention.sql');
INSERT INTO "schema_migrations" VALUES(21,'0021-backup.sql');
INSERT INTO "schema_migrations" VALUES(22,'0022-verification.sql');
INSERT INTO "schema_migrations" VALUES(23,'0023-untagged.sql');
CREATE TABLE signing_keys (
  kid         TEXT    PRIMARY KEY,
  private_key TEXT    NOT NULL,
  created_at  INTEGER NOT NULL,
  retires_at  INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE tag_history (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  name          TEXT    NOT NULL,
  at            INTEGER NOT NULL,
  from_digest   TEXT,
  to_digest     TEXT,
  actor         TEXT    NOT NULL,
  reason        TEXT    NOT NULL
) STRICT;
INSERT INTO "tag_history" VALUES(1,1,'1.0',1795319830344,NULL,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','','');
INSERT INTO "tag_history" VALUES(2,1,'latest',1795319830352,NULL,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','','');
CREATE TABLE tags (
  repository_id INTEGER NOT NULL,
  name          TEXT    NOT NULL,
  digest        TEXT    NOT NULL,
  updated_at    INTEGER NOT NULL, previous TEXT,
  PRIMARY KEY (repository_id, name),
  FOREIGN KEY (repository_id, digest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "tags" VALUES(1,'1.0','sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',1795319830344,NULL);
INSERT INTO "tags" VALUES(1,'latest','sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',1795319830352,NULL);
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
CREATE TABLE trash_entries (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  digest        TEXT    NOT NULL,
  manifests     INTEGER NOT NULL,
  deleted_at    INTEGER NOT NULL,
  purge_at      INTEGER NOT NULL,
  actor         TEXT    NOT NULL,
  reason        TEXT    NOT NULL,
  cause         TEXT    NOT NULL
) STRICT;
CREATE TABLE trashed_manifests (
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  digest        TEXT    NOT NULL REFERENCES blobs (digest),
  entry_id      INTEGER NOT NULL REFERENCES trash_entries (id) ON DELETE CASCADE,
  media_type    TEXT    NOT NULL,
  size_bytes    INTEGER NOT NULL,
  artifact_type TEXT,
  subject       TEXT,
  annotations   TEXT,
  pushed_at     INTEGER NOT NULL,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE trashed_references (
  repository_id INTEGER NOT NULL,
  manifest      TEXT    NOT NULL,
  digest        TEXT    NOT NULL,
  PRIMARY KEY (repository_id, manifest, digest),
  FOREIGN KEY (repository_id, manifest) REFERENCES trashed_manifests (repository_id, digest) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE TABLE trashed_tags (
  entry_id      INTEGER NOT NULL REFERENCES trash_entries (id) ON DELETE CASCADE,
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  name          TEXT    NOT NULL,
  digest        TEXT    NOT NULL,
  PRIMARY KEY (entry_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE uploads (
  id         TEXT    PRIMARY KEY,
  repository TEXT    NOT NULL,
  algorithm  TEXT    NOT NULL,
  started_at INTEGER NOT NULL
, owner TEXT NOT NULL DEFAULT '', address TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;
CREATE TABLE verification (
  id           INTEGER PRIMARY KEY CHECK (id = 1),
  depth        TEXT    NOT NULL, -- quick, deep
  percent      INTEGER NOT NULL, -- of all content, chosen at random
  repositories TEXT,
  requested_at INTEGER NOT NULL,
  requested_by TEXT    NOT NULL,
  position     TEXT,
  checked      INTEGER NOT NULL,
  corrupt      INTEGER NOT NULL,
  unreadable   INTEGER NOT NULL,
  ended_at     INTEGER
) STRICT;
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
CREATE INDEX mirrored_tags_by_digest ON mirrored_tags (repository_id, digest);
CREATE INDEX leases_by_end ON leases (held_until);
CREATE INDEX oidc_subjects_by_account ON oidc_subjects (account_id);
CREATE INDEX mirrored_pins_by_digest ON mirrored_pins (digest);
CREATE INDEX mirrored_content_by_segment ON mirrored_content (is_protected, used_at, digest);
CREATE INDEX mirrored_transits_by_time ON mirrored_transits (is_leaving, since);
CREATE INDEX mirrored_refusals_by_time ON mirrored_refusals (refused_at);
CREATE TRIGGER mirrored_content_added AFTER INSERT ON mirrored_content BEGIN
  UPDATE mirrored_size SET content_bytes = content_bytes + NEW.size_bytes,
    protected_bytes = protected_bytes + NEW.size_bytes * NEW.is_protected WHERE id = 1;
END;
CREATE TRIGGER mirrored_content_removed AFTER DELETE ON mirrored_content BEGIN
  UPDATE mirrored_size SET content_bytes = content_bytes - OLD.size_bytes,
    protected_bytes = protected_bytes - OLD.size_bytes * OLD.is_protected WHERE id = 1;
END;
CREATE TRIGGER mirrored_content_moved AFTER UPDATE OF is_protected ON mirrored_content
WHEN NEW.is_protected <> OLD.is_protected BEGIN
  UPDATE mirrored_size SET
    protected_bytes = protected_bytes + NEW.size_bytes * (NEW.is_protected - OLD.is_protected) WHERE id = 1;
END;
CREATE TRIGGER mirrored_transits_added AFTER INSERT ON mirrored_transits BEGIN
  UPDATE mirrored_size SET transit_bytes = transit_bytes + NEW.size_bytes WHERE id = 1;
END;
CREATE TRIGGER mirrored_transits_removed AFTER DELETE ON mirrored_transits BEGIN
  UPDATE mirrored_size SET transit_bytes = transit_bytes - OLD.size_bytes WHERE id = 1;
END;
CREATE UNIQUE INDEX namespaces_by_account ON namespaces (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX grants_by_pattern ON grants (pattern);
CREATE INDEX accounts_by_folded_name ON accounts (lower(name));
CREATE INDEX accounts_by_bcrypt_cost ON accounts (substr(password_hash, 5, 2)) WHERE substr(password_hash, 1, 2) = '$2';
CREATE INDEX mirrored_listings_by_time ON mirrored_listings (fetched_at);
CREATE INDEX uploads_by_owner ON uploads (owner);
CREATE INDEX uploads_by_address ON uploads (address);
CREATE INDEX trash_entries_by_repository ON trash_entries (repository_id, id);
CREATE INDEX trash_entries_by_purge ON trash_entries (purge_at, id);
CREATE INDEX trashed_manifests_by_entry ON trashed_manifests (entry_id, digest);
CREATE INDEX trashed_manifests_by_digest ON trashed_manifests (digest);
CREATE INDEX trashed_references_by_digest ON trashed_references (repository_id, digest);
CREATE INDEX trashed_tags_by_repository ON trashed_tags (repository_id, name);
CREATE INDEX holds_by_end ON holds (until) WHERE until IS NOT NULL;
CREATE INDEX tag_history_by_tag ON tag_history (repository_id, name, id);
CREATE INDEX manifest_pulls_by_digest ON manifest_pulls (digest);
CREATE INDEX events_by_actor ON events (actor, id);
CREATE INDEX events_by_target ON events (target, id);
CREATE VIEW audit_events AS SELECT id, at, actor, address, kind AS action, target, result, detail FROM events;
CREATE TRIGGER audit_events_insert INSTEAD OF INSERT ON audit_events BEGIN
  INSERT INTO events (at, actor, address, kind, target, result, detail)
  VALUES (NEW.at, NEW.actor, NEW.address, NEW.action, NEW.target, NEW.result, NEW.detail);
END;
CREATE INDEX reviews_by_time ON reviews (due_at, repository_id, digest);
CREATE INDEX reviews_by_failure ON reviews (repository_id, digest) WHERE failures > 0;
CREATE INDEX claims_by_end ON claims (until);
CREATE INDEX retention_due_by_time ON retention_due (due_at, repository_id);
CREATE INDEX retention_log_by_time ON retention_log (at);
CREATE INDEX retention_log_by_repository ON retention_log (repository, id);
CREATE INDEX backups_unfinished ON backups (began_at) WHERE ended_at IS NULL;
CREATE INDEX backups_complete ON backups (began_at) WHERE ended_at IS NOT NULL;
CREATE INDEX blobs_by_check ON blobs (checked_at, digest);
CREATE INDEX corrupt_content_by_check ON corrupt_content (checked_at, digest);
CREATE INDEX tag_history_by_origin ON tag_history (repository_id, from_digest, at) WHERE from_digest IS NOT NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('tag_history',2);
INSERT INTO "sqlite_sequence" VALUES('events',3);
INSERT INTO "sqlite_sequence" VALUES('accounts',1);
