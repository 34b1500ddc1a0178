-- The password of alice: sCmZN_IKgWKtMOzf3g4tV8Z9
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
INSERT INTO "accounts" VALUES(1,'user','alice','scrypt$32768$8$3$gjOcDSEVUvHxgXraC6ywAQ==$kWE9oBjMGZ/KxjxIpd1htVf2FMm/sfBogxXd315A3xs=',0,0,NULL,0,1795319854932);
CREATE TABLE adopted_links (
  path        TEXT    PRIMARY KEY,
  modified_at INTEGER NOT NULL,
  size_bytes  INTEGER NOT NULL,
  digest      TEXT   
) STRICT, WITHOUT ROWID;
CREATE TABLE adoption (
  id          INTEGER PRIMARY KEY CHECK (id = 1),
  started_at  INTEGER NOT NULL,
  -- Start of the newest run, and its end; null while it is incomplete.
  run_at      INTEGER NOT NULL,
  ended_at    INTEGER,
  finished_at INTEGER
) STRICT;
CREATE TABLE adoption_oddities (
  path   TEXT    NOT NULL,
  kind   TEXT    NOT NULL,
  detail TEXT    NOT NULL,
  PRIMARY KEY (path, kind)
) STRICT, WITHOUT ROWID;
CREATE TABLE adoption_shards (
  name      TEXT    PRIMARY KEY,
  position  TEXT    NOT NULL,
  is_done   INTEGER NOT NULL,
  -- Sound things of the part that the newest run has found.
  blobs     INTEGER NOT NULL,
  bytes     INTEGER NOT NULL,
  layers    INTEGER NOT NULL,
  manifests INTEGER NOT NULL,
  tags      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE archives (
  id         TEXT    PRIMARY KEY,
  owner      TEXT    NOT NULL,
  repository TEXT    NOT NULL,
  started_at INTEGER NOT NULL,
  plan       TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
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
INSERT INTO "blobs" VALUES('sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88',163,1795319850657,NULL,1795319850657,1);
INSERT INTO "blobs" VALUES('sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',395,1795319850663,NULL,1795319850673,2);
INSERT INTO "blobs" VALUES('sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5',30,1795319850641,NULL,1795319850641,1);
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
INSERT INTO "events" VALUES(1,1795319850663,'','127.0.0.1','manifest.push','team/app','done',NULL,'team/app','1.0','sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',NULL,'tkKOrCTv-6');
INSERT INTO "events" VALUES(2,1795319850673,'','127.0.0.1','manifest.push','team/app','done',NULL,'team/app','latest','sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',NULL,'tkKOrCTv-7');
INSERT INTO "events" VALUES(3,1795319854932,'command line','','user.create','alice','done',NULL,NULL,NULL,NULL,NULL,NULL);
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
INSERT INTO "links" VALUES(1,'sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88',1795319850657);
INSERT INTO "links" VALUES(1,'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5',1795319850641);
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
INSERT INTO "manifests" VALUES(1,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','application/vnd.oci.image.manifest.v1+json',395,'application/vnd.oci.image.config.v1+json',NULL,NULL,1795319850673);
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
INSERT INTO "pull_tracking" VALUES(1,1795319850682);
CREATE TABLE purges (
  digest     TEXT    PRIMARY KEY,
  purger     TEXT    NOT NULL,
  size_bytes INTEGER NOT NULL,
  until      INTEGER NOT NULL
, may_return INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
CREATE TABLE quota_contents (
  quota_id   INTEGER NOT NULL,
  digest     TEXT    NOT NULL,
  size_bytes INTEGER NOT NULL,
  uses       INTEGER NOT NULL,
  PRIMARY KEY (quota_id, digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE quota_members (
  repository      TEXT    NOT NULL,
  quota_id        INTEGER NOT NULL,
  counted_to      TEXT    NOT NULL,
  tags_counted_to TEXT    NOT NULL,
  PRIMARY KEY (repository, quota_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE quota_repositories (
  repository TEXT    PRIMARY KEY,
  version    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE quota_rules (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  name      TEXT    NOT NULL,
  patterns  TEXT    NOT NULL,
  per       TEXT    NOT NULL,
  max_bytes INTEGER,
  max_tags  INTEGER,
  state     TEXT    NOT NULL,
  replaces  INTEGER
) STRICT;
CREATE TABLE quota_state (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  version  INTEGER NOT NULL,
  position INTEGER NOT NULL,
  is_stale INTEGER NOT NULL
) STRICT;
INSERT INTO "quota_state" VALUES(1,0,0,0);
CREATE TABLE quotas (
  id             INTEGER PRIMARY KEY AUTOINCREMENT,
  rule_id        INTEGER NOT NULL,
  name           TEXT    NOT NULL,
  used_bytes     INTEGER NOT NULL DEFAULT 0,
  reserved_bytes INTEGER NOT NULL DEFAULT 0,
  tags           INTEGER NOT NULL DEFAULT 0,
  uncounted      INTEGER NOT NULL DEFAULT 0,
  UNIQUE (rule_id, name)
) STRICT;
CREATE TABLE repositories (
  id         INTEGER PRIMARY KEY,
  name       TEXT    NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;
INSERT INTO "repositories" VALUES(1,'team/app',1795319850641);
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
INSERT INTO "reviews" VALUES(1,'sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88',1795327050657,0,0,NULL);
INSERT INTO "reviews" VALUES(1,'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5',1795327050641,0,0,NULL);
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
INSERT INTO "schema_migrations" VALUES(24,'0024-adoption.sql');
INSERT INTO "schema_migrations" VALUES(25,'0025-sync.sql');
INSERT INTO "schema_migrations" VALUES(26,'0026-quotas.sql');
INSERT INTO "schema_migrations" VALUES(27,'0027-sparse-trash.sql');
INSERT INTO "schema_migrations" VALUES(28,'0028-archives.sql');
INSERT INTO "schema_migrations" VALUES(29,'0029-returning-bytes.sql');
CREATE TABLE signing_keys (
  kid         TEXT    PRIMARY KEY,
  private_key TEXT    NOT NULL,
  created_at  INTEGER NOT NULL,
  retires_at  INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE sync_entries (
  name          TEXT PRIMARY KEY,
  first_seen_at INTEGER NOT NULL,
  requested_at  INTEGER,
  started_at    INTEGER,
  ended_at      INTEGER,
  succeeded_at  INTEGER,
  retry_at      INTEGER,
  failures      INTEGER NOT NULL,
  error         TEXT,
  summary       TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE sync_failures (
  entry      TEXT NOT NULL REFERENCES sync_entries (name) ON DELETE CASCADE,
  repository TEXT NOT NULL,
  reference  TEXT NOT NULL,
  reason     TEXT NOT NULL,
  PRIMARY KEY (entry, repository, reference)
) STRICT, WITHOUT ROWID;
CREATE TABLE sync_tags (
  entry         TEXT NOT NULL,
  repository    TEXT NOT NULL,
  tag           TEXT NOT NULL,
  source_digest TEXT NOT NULL,
  target_digest TEXT,
  differs_since INTEGER,
  PRIMARY KEY (entry, repository, tag)
) STRICT, WITHOUT ROWID;
CREATE TABLE sync_uploads (
  entry      TEXT NOT NULL,
  repository TEXT NOT NULL,
  digest     TEXT NOT NULL,
  session    TEXT NOT NULL,
  begun_at   INTEGER NOT NULL,
  PRIMARY KEY (entry, repository, digest)
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
INSERT INTO "tag_history" VALUES(1,1,'1.0',1795319850663,NULL,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','','');
INSERT INTO "tag_history" VALUES(2,1,'latest',1795319850673,NULL,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','','');
CREATE TABLE tags (
  repository_id INTEGER NOT NULL,
  name          TEXT    NOT NULL,
  digest        TEXT    NOT NULL,
  updated_at    INTEGER NOT NULL, previous TEXT,
  PRIMARY KEY (repository_id, name),
  FOREIGN KEY (repository_id, digest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "tags" VALUES(1,'1.0','sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',1795319850663,NULL);
INSERT INTO "tags" VALUES(1,'latest','sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',1795319850673,NULL);
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
  digest        TEXT    NOT NULL, was_missing INTEGER NOT NULL DEFAULT 0,
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
, owner TEXT NOT NULL DEFAULT '', address TEXT NOT NULL DEFAULT '', reserved_bytes INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
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
CREATE INDEX adoption_oddities_by_kind ON adoption_oddities (kind, path);
CREATE INDEX sync_uploads_by_time ON sync_uploads (begun_at);
CREATE INDEX quota_repositories_by_version ON quota_repositories (version, repository);
CREATE INDEX quota_members_by_quota ON quota_members (quota_id, repository);
CREATE INDEX quota_members_uncounted ON quota_members (quota_id, repository) WHERE counted_to < '~' OR tags_counted_to < '~';
CREATE INDEX uploads_by_reservation ON uploads (repository) WHERE reserved_bytes > 0;
CREATE TRIGGER quota_upload_added AFTER INSERT ON uploads WHEN NEW.reserved_bytes > 0 BEGIN
  UPDATE quotas SET reserved_bytes = reserved_bytes + NEW.reserved_bytes
   WHERE id IN (SELECT quota_id FROM quota_members WHERE repository = NEW.repository);
END;
CREATE TRIGGER quota_upload_changed AFTER UPDATE OF reserved_bytes ON uploads WHEN NEW.reserved_bytes <> OLD.reserved_bytes BEGIN
  UPDATE quotas SET reserved_bytes = reserved_bytes + NEW.reserved_bytes - OLD.reserved_bytes
   WHERE id IN (SELECT quota_id FROM quota_members WHERE repository = NEW.repository);
END;
CREATE TRIGGER quota_upload_removed AFTER DELETE ON uploads WHEN OLD.reserved_bytes > 0 BEGIN
  UPDATE quotas SET reserved_bytes = reserved_bytes - OLD.reserved_bytes
   WHERE id IN (SELECT quota_id FROM quota_members WHERE repository = OLD.repository);
END;
CREATE TRIGGER quota_content_added AFTER INSERT ON quota_contents BEGIN
  UPDATE quotas SET used_bytes = used_bytes + NEW.size_bytes WHERE id = NEW.quota_id;
END;
CREATE TRIGGER quota_content_removed AFTER DELETE ON quota_contents BEGIN
  UPDATE quotas SET used_bytes = used_bytes - OLD.size_bytes WHERE id = OLD.quota_id;
END;
CREATE VIEW quota_counters AS
SELECT r.id AS repository_id, m.quota_id, m.counted_to, m.tags_counted_to
  FROM repositories r JOIN quota_members m ON m.repository = r.name
 WHERE NOT EXISTS (SELECT 1 FROM mirrored_repositories x WHERE x.repository_id = r.id);
CREATE TRIGGER quota_link_added AFTER INSERT ON links WHEN EXISTS (SELECT 1 FROM quota_members) BEGIN
  INSERT INTO quota_contents (quota_id, digest, size_bytes, uses)
  SELECT c.quota_id, b.digest, b.size_bytes, 1 FROM quota_counters c JOIN blobs b ON b.digest = NEW.digest
   WHERE c.repository_id = NEW.repository_id AND c.counted_to >= NEW.digest
  ON CONFLICT (quota_id, digest) DO UPDATE SET uses = uses + 1;
END;
CREATE TRIGGER quota_manifest_added AFTER INSERT ON manifests WHEN EXISTS (SELECT 1 FROM quota_members) BEGIN
  INSERT INTO quota_contents (quota_id, digest, size_bytes, uses)
  SELECT c.quota_id, b.digest, b.size_bytes, 1 FROM quota_counters c JOIN blobs b ON b.digest = NEW.digest
   WHERE c.repository_id = NEW.repository_id AND c.counted_to >= NEW.digest
  ON CONFLICT (quota_id, digest) DO UPDATE SET uses = uses + 1;
END;
CREATE TRIGGER quota_trashed_added AFTER INSERT ON trashed_manifests WHEN EXISTS (SELECT 1 FROM quota_members) BEGIN
  INSERT INTO quota_contents (quota_id, digest, size_bytes, uses)
  SELECT c.quota_id, b.digest, b.size_bytes, 1 FROM quota_counters c JOIN blobs b ON b.digest = NEW.digest
   WHERE c.repository_id = NEW.repository_id AND c.counted_to >= NEW.digest
  ON CONFLICT (quota_id, digest) DO UPDATE SET uses = uses + 1;
END;
CREATE TRIGGER quota_link_removed AFTER DELETE ON links WHEN EXISTS (SELECT 1 FROM quota_members) BEGIN
  UPDATE quota_contents SET uses = uses - 1 WHERE digest = OLD.digest AND quota_id IN
    (SELECT c.quota_id FROM quota_counters c WHERE c.repository_id = OLD.repository_id AND c.counted_to >= OLD.digest);
  DELETE FROM quota_contents WHERE digest = OLD.digest AND uses = 0 AND quota_id IN
    (SELECT c.quota_id FROM quota_counters c WHERE c.repository_id = OLD.repository_id);
END;
CREATE TRIGGER quota_manifest_removed AFTER DELETE ON manifests WHEN EXISTS (SELECT 1 FROM quota_members) BEGIN
  UPDATE quota_contents SET uses = uses - 1 WHERE digest = OLD.digest AND quota_id IN
    (SELECT c.quota_id FROM quota_counters c WHERE c.repository_id = OLD.repository_id AND c.counted_to >= OLD.digest);
  DELETE FROM quota_contents WHERE digest = OLD.digest AND uses = 0 AND quota_id IN
    (SELECT c.quota_id FROM quota_counters c WHERE c.repository_id = OLD.repository_id);
END;
CREATE TRIGGER quota_trashed_removed AFTER DELETE ON trashed_manifests WHEN EXISTS (SELECT 1 FROM quota_members) BEGIN
  UPDATE quota_contents SET uses = uses - 1 WHERE digest = OLD.digest AND quota_id IN
    (SELECT c.quota_id FROM quota_counters c WHERE c.repository_id = OLD.repository_id AND c.counted_to >= OLD.digest);
  DELETE FROM quota_contents WHERE digest = OLD.digest AND uses = 0 AND quota_id IN
    (SELECT c.quota_id FROM quota_counters c WHERE c.repository_id = OLD.repository_id);
END;
CREATE TRIGGER quota_tag_added AFTER INSERT ON tags WHEN EXISTS (SELECT 1 FROM quota_members) BEGIN
  UPDATE quotas SET tags = tags + 1 WHERE id IN
    (SELECT c.quota_id FROM quota_counters c WHERE c.repository_id = NEW.repository_id AND c.tags_counted_to >= NEW.name);
END;
CREATE TRIGGER quota_tag_removed AFTER DELETE ON tags WHEN EXISTS (SELECT 1 FROM quota_members) BEGIN
  UPDATE quotas SET tags = tags - 1 WHERE id IN
    (SELECT c.quota_id FROM quota_counters c WHERE c.repository_id = OLD.repository_id AND c.tags_counted_to >= OLD.name);
END;
CREATE TRIGGER quota_mirrored_removed AFTER DELETE ON mirrored_repositories WHEN EXISTS (SELECT 1 FROM quota_members) BEGIN
  UPDATE quotas SET uncounted = uncounted + 1 WHERE id IN
    (SELECT m.quota_id FROM repositories r JOIN quota_members m ON m.repository = r.name
      WHERE r.id = OLD.repository_id AND m.counted_to = '~' AND m.tags_counted_to = '~');
  UPDATE quota_members SET counted_to = '', tags_counted_to = ''
   WHERE repository = (SELECT name FROM repositories WHERE id = OLD.repository_id);
END;
CREATE TRIGGER quota_mirrored_added AFTER INSERT ON mirrored_repositories WHEN EXISTS (SELECT 1 FROM quota_members) BEGIN
  UPDATE quota_state SET is_stale = 1 WHERE EXISTS
    (SELECT 1 FROM repositories r JOIN quota_members m ON m.repository = r.name WHERE r.id = NEW.repository_id);
END;
CREATE INDEX archives_by_time ON archives (started_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('tag_history',2);
INSERT INTO "sqlite_sequence" VALUES('events',3);
INSERT INTO "sqlite_sequence" VALUES('accounts',1);
