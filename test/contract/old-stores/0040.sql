-- The password of alice: r5Qj8L5gob4NGVIWAqo-BCWi
CREATE TABLE access_epoch (
  id    INTEGER PRIMARY KEY CHECK (id = 1),
  epoch INTEGER NOT NULL
) STRICT;
INSERT INTO "access_epoch" VALUES(1,9);
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
INSERT INTO "access_tokens" VALUES('17d59017-5de1-4554-afbb-0d709f57cc8d','personal',2,'laptop','2S-sF0QbgUkk6Mr3wbp6Gk90aTt4UU0FnDIinTEf4ts',NULL,1795340494322,NULL,NULL);
INSERT INTO "access_tokens" VALUES('b09886a0-337e-4fcf-b76a-a3b9da3eecd2','robot',3,'ci','A4oITyK89-ZO_EWGrvX2WGg-fHRKSNzip76Huu07fJs',NULL,1795340485364,NULL,NULL);
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
INSERT INTO "accounts" VALUES(1,'user','admin','scrypt$32768$8$3$xrsvp/6i5ASqNnRWrk3gnA==$UzlGae1o1pM+HmvsrzMEY1lF8ZwST8ojO47APKH72EQ=',1,0,NULL,0,1795340432160);
INSERT INTO "accounts" VALUES(2,'user','alice','scrypt$32768$8$3$B2STDeas0eOkonb+vBYtXA==$jFUSpwWFiwYDt6mHXJBIBbIx1/fLhvAJdgMrj4lfhec=',0,0,NULL,0,1795340459854);
INSERT INTO "accounts" VALUES(3,'robot','ci',NULL,0,0,NULL,0,1795340485238);
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
, file_name TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;
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
INSERT INTO "blobs" VALUES('sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88',163,1795340441446,NULL,1795340444381,3);
INSERT INTO "blobs" VALUES('sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',395,1795340441549,NULL,1795340444988,4);
INSERT INTO "blobs" VALUES('sha256:b76e82531e2a127e02b5b2849416da24dc8f42b95bf5fc8567296fc2a457999e',396,1795340444858,NULL,1795340444858,1);
INSERT INTO "blobs" VALUES('sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5',30,1795340441167,NULL,1795340444120,3);
CREATE TABLE catalog_entries (
  repository_id INTEGER PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
  name          TEXT    NOT NULL,
  natural_name  TEXT    NOT NULL DEFAULT '',
  namespace     TEXT    NOT NULL,
  is_mirrored   INTEGER NOT NULL DEFAULT 0,
  tags          INTEGER NOT NULL DEFAULT 0,
  size_bytes    INTEGER NOT NULL DEFAULT 0,
  pushed_at     INTEGER NOT NULL DEFAULT 0,
  pulled_at     INTEGER NOT NULL DEFAULT 0,
  stars         INTEGER NOT NULL DEFAULT 0,
  latest_digest TEXT,
  latest_at     INTEGER NOT NULL DEFAULT 0,
  description   TEXT    NOT NULL DEFAULT '',
  kind          TEXT    NOT NULL DEFAULT '',
  platforms     TEXT    NOT NULL DEFAULT '',
  is_signed     INTEGER NOT NULL DEFAULT 0
, base_name TEXT NOT NULL DEFAULT '') STRICT;
INSERT INTO "catalog_entries" VALUES(1,'team/app','team/app','team',0,2,588,1795340442862,1795340444924,0,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',1795340442862,'','image','linux/amd64',0,'app');
INSERT INTO "catalog_entries" VALUES(2,'team/old','team/old','team',0,0,984,1795340444858,0,0,NULL,0,'','image','linux/amd64',0,'old');
INSERT INTO "catalog_entries" VALUES(3,'up.example/team/tool','up.example/team/tool','up.example',1,1,425,1795340445000,0,0,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',1795340445000,'','image','',0,'tool');
CREATE TABLE catalog_images (
  repository_id  INTEGER NOT NULL,
  digest         TEXT    NOT NULL,
  pulled_at      INTEGER NOT NULL DEFAULT 0,
  download_bytes INTEGER NOT NULL DEFAULT 0,
  kind           TEXT    NOT NULL DEFAULT '',
  platforms      TEXT    NOT NULL DEFAULT '[]',
  labels         TEXT    NOT NULL DEFAULT '{}',
  is_signed      INTEGER NOT NULL DEFAULT 0,
  has_sbom       INTEGER NOT NULL DEFAULT 0,
  is_partial     INTEGER NOT NULL DEFAULT 0,
  changes        INTEGER NOT NULL DEFAULT 1,
  described      INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (repository_id, digest),
  FOREIGN KEY (repository_id, digest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "catalog_images" VALUES(1,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',1795340444924,588,'image','[{"platform":"linux/amd64","digest":"sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f","downloadBytes":588}]','{}',0,0,0,3,3);
INSERT INTO "catalog_images" VALUES(2,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',0,588,'image','[{"platform":"linux/amd64","digest":"sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f","downloadBytes":588}]','{}',0,0,0,2,2);
INSERT INTO "catalog_images" VALUES(2,'sha256:b76e82531e2a127e02b5b2849416da24dc8f42b95bf5fc8567296fc2a457999e',0,589,'image','[{"platform":"linux/amd64","digest":"sha256:b76e82531e2a127e02b5b2849416da24dc8f42b95bf5fc8567296fc2a457999e","downloadBytes":589}]','{}',0,0,0,2,2);
INSERT INTO "catalog_images" VALUES(3,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',0,588,'image','[{"platform":"","digest":"sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f","downloadBytes":588}]','{}',0,0,1,2,2);
CREATE TABLE catalog_namespaces (
  namespace    TEXT    PRIMARY KEY,
  repositories INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "catalog_namespaces" VALUES('team',2);
INSERT INTO "catalog_namespaces" VALUES('up.example',1);
CREATE VIRTUAL TABLE catalog_texts USING fts5 (name, description, tokenize = 'trigram');
INSERT INTO "catalog_texts" VALUES('team/app','');
INSERT INTO "catalog_texts" VALUES('team/old','');
INSERT INTO "catalog_texts" VALUES('up.example/team/tool','');
CREATE TABLE claims (
  digest   TEXT    NOT NULL,
  claimant TEXT    NOT NULL,
  until    INTEGER NOT NULL,
  PRIMARY KEY (digest, claimant)
) STRICT, WITHOUT ROWID;
CREATE TABLE client_checks (
  code       TEXT    PRIMARY KEY,
  owner      TEXT    NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at    INTEGER,
  client     TEXT,
  address    TEXT,
  upstream   TEXT
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
INSERT INTO "collection" VALUES(1,7200000,NULL,NULL,'links',0,'',1795340440733,NULL,0,0);
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
INSERT INTO "event_cursors" VALUES('links',16);
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
INSERT INTO "events" VALUES(1,1795340432160,'berth','','user.create','admin','done',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "events" VALUES(2,1795340440845,'admin','127.0.0.1','login','admin','done',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "events" VALUES(3,1795340441549,'admin','127.0.0.1','manifest.push','team/app','done',NULL,'team/app','1.0','sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',NULL,'xiUGg0eM-4');
INSERT INTO "events" VALUES(4,1795340442862,'admin','127.0.0.1','manifest.push','team/app','done',NULL,'team/app','latest','sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',NULL,'xiUGg0eM-5');
INSERT INTO "events" VALUES(5,1795340443692,'admin','127.0.0.1','manifest.push','team/old','done',NULL,'team/old','1','sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',NULL,'xiUGg0eM-8');
INSERT INTO "events" VALUES(6,1795340444858,'admin','127.0.0.1','manifest.push','team/old','done',NULL,'team/old','1','sha256:b76e82531e2a127e02b5b2849416da24dc8f42b95bf5fc8567296fc2a457999e','sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','xiUGg0eM-b');
INSERT INTO "events" VALUES(7,1795340459854,'command line','','user.create','alice','done',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "events" VALUES(8,1795340469026,'command line','','team.create','devs','done',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "events" VALUES(9,1795340473494,'command line','','team.join','devs','done','{"account":"alice"}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "events" VALUES(10,1795340478955,'command line','','grant.put','team:devs','done','{"pattern":"team/*","actions":"pull,push"}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "events" VALUES(11,1795340485238,'command line','','robot.create','ci','done',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "events" VALUES(12,1795340485332,'command line','','grant.put','robot:ci','done','{"subject":"account:3","pattern":"team/*","actions":"pull,push"}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "events" VALUES(13,1795340485364,'command line','','token.create','ci','done','{"id":"b09886a0-337e-4fcf-b76a-a3b9da3eecd2","name":"ci"}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "events" VALUES(14,1795340487393,'command line','','visibility.public','team/old','done',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "events" VALUES(15,1795340494322,'command line','','token.create','alice','done','{"id":"17d59017-5de1-4554-afbb-0d709f57cc8d","name":"laptop"}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "events" VALUES(16,1795340496803,'admin','127.0.0.1','tag.delete','team/old','done',NULL,'team/old','1','sha256:b76e82531e2a127e02b5b2849416da24dc8f42b95bf5fc8567296fc2a457999e',NULL,'xiUGg0eM-f');
CREATE TABLE grants (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  subject    TEXT    NOT NULL,
  pattern    TEXT    NOT NULL,
  actions    TEXT    NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (subject, pattern)
) STRICT;
INSERT INTO "grants" VALUES(1,'team:1','team/*','pull,push',1795340478955);
INSERT INTO "grants" VALUES(2,'account:3','team/*','pull,push',1795340485332);
CREATE TABLE holds (
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  digest        TEXT    NOT NULL,
  reason        TEXT    NOT NULL,
  actor         TEXT    NOT NULL,
  created_at    INTEGER NOT NULL,
  until         INTEGER,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE job_runs (
  name         TEXT    PRIMARY KEY,
  ended_at     INTEGER NOT NULL,
  milliseconds INTEGER NOT NULL,
  failed_at    INTEGER,
  error        TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "job_runs" VALUES('backup',1795340495032,0,NULL,'');
INSERT INTO "job_runs" VALUES('collect-garbage',1795340440760,594,NULL,'');
INSERT INTO "job_runs" VALUES('count-quotas',1795340440182,0,NULL,'');
INSERT INTO "job_runs" VALUES('count-usage',1795340446211,1112,NULL,'');
INSERT INTO "job_runs" VALUES('deliver-events',1795340496794,0,NULL,'');
INSERT INTO "job_runs" VALUES('describe-images',1795340499020,1,NULL,'');
INSERT INTO "job_runs" VALUES('empty-trash',1795340495748,0,NULL,'');
INSERT INTO "job_runs" VALUES('purge-trash',1795340495033,0,NULL,'');
INSERT INTO "job_runs" VALUES('record-mirror-traffic',1795340445684,586,NULL,'');
INSERT INTO "job_runs" VALUES('record-pulls',1795340445482,384,NULL,'');
INSERT INTO "job_runs" VALUES('retention',1795340495036,0,NULL,'');
INSERT INTO "job_runs" VALUES('sync',1795340500748,0,NULL,'');
INSERT INTO "job_runs" VALUES('tidy-mirror',1795340445482,384,NULL,'');
INSERT INTO "job_runs" VALUES('tidy-mirror-process',1795340446420,1322,NULL,'');
INSERT INTO "job_runs" VALUES('verify',1795340445097,40,NULL,'');
INSERT INTO "job_runs" VALUES('verify-damaged',1795340445098,0,NULL,'');
INSERT INTO "job_runs" VALUES('yield-trash',1795340445481,340,NULL,'');
CREATE TABLE jobs (
  id           TEXT    PRIMARY KEY,
  kind         TEXT NOT NULL,
  owner        TEXT NOT NULL,
  subject      TEXT NOT NULL,
  unit         TEXT NOT NULL,
  state        TEXT NOT NULL,
  done         INTEGER NOT NULL,
  total        INTEGER,
  message      TEXT NOT NULL,
  result       TEXT NOT NULL,
  started_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  ended_at     INTEGER,
  cancelled_at INTEGER
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
INSERT INTO "links" VALUES(1,'sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88',1795340441446);
INSERT INTO "links" VALUES(1,'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5',1795340441167);
INSERT INTO "links" VALUES(2,'sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88',1795340443625);
INSERT INTO "links" VALUES(2,'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5',1795340443592);
INSERT INTO "links" VALUES(3,'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5',1795340446176);
CREATE TABLE maintenance_mode (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  reason TEXT    NOT NULL,
  since  INTEGER NOT NULL,
  actor  TEXT    NOT NULL
) STRICT;
CREATE TABLE manifest_pulls (
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  digest        TEXT    NOT NULL REFERENCES blobs (digest) ON DELETE CASCADE,
  pulled_at     INTEGER NOT NULL,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;
INSERT INTO "manifest_pulls" VALUES(1,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',1795340444924);
CREATE TABLE manifest_references (
  repository_id INTEGER NOT NULL,
  manifest      TEXT    NOT NULL,
  digest        TEXT    NOT NULL,
  PRIMARY KEY (repository_id, manifest, digest),
  FOREIGN KEY (repository_id, manifest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "manifest_references" VALUES(1,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88');
INSERT INTO "manifest_references" VALUES(1,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5');
INSERT INTO "manifest_references" VALUES(2,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88');
INSERT INTO "manifest_references" VALUES(2,'sha256:b76e82531e2a127e02b5b2849416da24dc8f42b95bf5fc8567296fc2a457999e','sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88');
INSERT INTO "manifest_references" VALUES(2,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5');
INSERT INTO "manifest_references" VALUES(2,'sha256:b76e82531e2a127e02b5b2849416da24dc8f42b95bf5fc8567296fc2a457999e','sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5');
INSERT INTO "manifest_references" VALUES(3,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88');
INSERT INTO "manifest_references" VALUES(3,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5');
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
INSERT INTO "manifests" VALUES(1,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','application/vnd.oci.image.manifest.v1+json',395,'application/vnd.oci.image.config.v1+json',NULL,NULL,1795340442862);
INSERT INTO "manifests" VALUES(2,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','application/vnd.oci.image.manifest.v1+json',395,'application/vnd.oci.image.config.v1+json',NULL,NULL,1795340443692);
INSERT INTO "manifests" VALUES(2,'sha256:b76e82531e2a127e02b5b2849416da24dc8f42b95bf5fc8567296fc2a457999e','application/vnd.oci.image.manifest.v1+json',396,'application/vnd.oci.image.config.v1+json',NULL,NULL,1795340444858);
INSERT INTO "manifests" VALUES(3,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','application/vnd.oci.image.manifest.v1+json',395,'application/vnd.oci.image.config.v1+json',NULL,NULL,1795340444988);
CREATE TABLE mirror_processes (
  id         TEXT    PRIMARY KEY,
  updated_at INTEGER NOT NULL,
  state      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE mirror_traffic (
  upstream      TEXT    NOT NULL,
  hour          INTEGER NOT NULL,
  requests      INTEGER NOT NULL,
  hits          INTEGER NOT NULL,
  failures      INTEGER NOT NULL,
  served_bytes  INTEGER NOT NULL,
  fetched_bytes INTEGER NOT NULL,
  saved_bytes   INTEGER NOT NULL,
  PRIMARY KEY (upstream, hour)
) STRICT, WITHOUT ROWID;
INSERT INTO "mirror_traffic" VALUES('up.example',1795338000000,2,1,0,425,0,30);
CREATE TABLE mirrored_content (
  digest     TEXT    PRIMARY KEY REFERENCES blobs (digest) ON DELETE CASCADE,
  size_bytes INTEGER NOT NULL,
  used_at    INTEGER NOT NULL
, is_protected INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
INSERT INTO "mirrored_content" VALUES('sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',395,1795340444988,0);
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
INSERT INTO "mirrored_promises" VALUES(3,'sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88',163);
INSERT INTO "mirrored_promises" VALUES(3,'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5',30);
CREATE TABLE mirrored_refusals (
  digest     TEXT    PRIMARY KEY,
  refused_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE mirrored_repositories (
  repository_id INTEGER PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
  upstream      TEXT    NOT NULL
, by_login INTEGER NOT NULL DEFAULT 1, is_public INTEGER, checked_at INTEGER NOT NULL DEFAULT 0, proof TEXT) STRICT;
INSERT INTO "mirrored_repositories" VALUES(3,'up.example',0,NULL,0,NULL);
CREATE TABLE mirrored_size (
  id              INTEGER PRIMARY KEY CHECK (id = 1),
  content_bytes   INTEGER NOT NULL,
  protected_bytes INTEGER NOT NULL,
  transit_bytes   INTEGER NOT NULL
) STRICT;
INSERT INTO "mirrored_size" VALUES(1,395,0,0);
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
INSERT INTO "mirrored_tags" VALUES(3,'1','sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','application/vnd.oci.image.manifest.v1+json',395,1795340445000,NULL);
CREATE TABLE mirrored_transits (
  digest     TEXT    NOT NULL,
  is_leaving INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  since      INTEGER NOT NULL,
  PRIMARY KEY (digest, is_leaving)
) STRICT, WITHOUT ROWID;
CREATE TABLE namespace_usage (
  namespace          TEXT    PRIMARY KEY,
  repositories       INTEGER NOT NULL,
  contents           INTEGER NOT NULL,
  bytes              INTEGER NOT NULL,
  own_bytes          INTEGER NOT NULL,
  held_bytes         INTEGER NOT NULL,
  cache_bytes        INTEGER NOT NULL,
  trash_bytes        INTEGER NOT NULL,
  garbage_bytes      INTEGER NOT NULL,
  untagged_manifests INTEGER NOT NULL,
  untagged_bytes     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "namespace_usage" VALUES('',3,8,1967,396,984,395,0,0,0,0);
INSERT INTO "namespace_usage" VALUES('team',2,7,1572,396,984,395,0,0,0,0);
INSERT INTO "namespace_usage" VALUES('up.example',1,1,395,0,0,0,0,0,0,0);
CREATE TABLE namespaces (
  name       TEXT    PRIMARY KEY,
  account_id INTEGER REFERENCES accounts (id) ON DELETE SET NULL,
  deleted_at INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO "namespaces" VALUES('admin',1,NULL);
INSERT INTO "namespaces" VALUES('alice',2,NULL);
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
INSERT INTO "pull_tracking" VALUES(1,1795340445099);
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
INSERT INTO "quota_contents" VALUES(1,'sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88',163,2);
INSERT INTO "quota_contents" VALUES(1,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',395,2);
INSERT INTO "quota_contents" VALUES(1,'sha256:b76e82531e2a127e02b5b2849416da24dc8f42b95bf5fc8567296fc2a457999e',396,1);
INSERT INTO "quota_contents" VALUES(1,'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5',30,2);
CREATE TABLE quota_members (
  repository      TEXT    NOT NULL,
  quota_id        INTEGER NOT NULL,
  counted_to      TEXT    NOT NULL,
  tags_counted_to TEXT    NOT NULL,
  PRIMARY KEY (repository, quota_id)
) STRICT, WITHOUT ROWID;
INSERT INTO "quota_members" VALUES('team/app',1,'~','~');
INSERT INTO "quota_members" VALUES('team/old',1,'~','~');
CREATE TABLE quota_repositories (
  repository TEXT    PRIMARY KEY,
  version    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "quota_repositories" VALUES('team/app',1);
INSERT INTO "quota_repositories" VALUES('team/old',1);
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
INSERT INTO "quota_rules" VALUES(1,'team/** per namespace','["team/**"]','namespace',1073741824,NULL,'counted',NULL);
CREATE TABLE quota_state (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  version  INTEGER NOT NULL,
  position INTEGER NOT NULL,
  is_stale INTEGER NOT NULL
) STRICT;
INSERT INTO "quota_state" VALUES(1,1,3,0);
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
INSERT INTO "quotas" VALUES(1,1,'team',984,0,2,0);
CREATE TABLE rate_windows (
  name    TEXT    PRIMARY KEY,
  ends_at INTEGER NOT NULL,
  used    INTEGER NOT NULL,
  granted INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE repositories (
  id         INTEGER PRIMARY KEY,
  name       TEXT    NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;
INSERT INTO "repositories" VALUES(1,'team/app',1795340441167);
INSERT INTO "repositories" VALUES(2,'team/old',1795340443592);
INSERT INTO "repositories" VALUES(3,'up.example/team/tool',1795340444988);
CREATE TABLE repository_texts (
  repository  TEXT    PRIMARY KEY,
  description TEXT    NOT NULL,
  readme      TEXT    NOT NULL,
  updated_at  INTEGER NOT NULL,
  updated_by  TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE repository_usage (
  repository_id      INTEGER PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
  namespace          TEXT    NOT NULL,
  contents           INTEGER NOT NULL,
  bytes              INTEGER NOT NULL,
  own_bytes          INTEGER NOT NULL,
  held_bytes         INTEGER NOT NULL,
  cache_bytes        INTEGER NOT NULL,
  trash_bytes        INTEGER NOT NULL,
  garbage_bytes      INTEGER NOT NULL,
  untagged_manifests INTEGER NOT NULL,
  untagged_bytes     INTEGER NOT NULL,
  counted_at         INTEGER NOT NULL
) STRICT;
INSERT INTO "repository_usage" VALUES(1,'team',3,588,0,588,395,0,0,0,0,1795340445932);
INSERT INTO "repository_usage" VALUES(2,'team',4,984,396,396,0,0,0,0,0,1795340445968);
INSERT INTO "repository_usage" VALUES(3,'up.example',1,395,0,0,0,0,0,0,0,1795340445982);
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
INSERT INTO "reviews" VALUES(1,'sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88',1795347641446,0,0,NULL);
INSERT INTO "reviews" VALUES(1,'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5',1795347641167,0,0,NULL);
INSERT INTO "reviews" VALUES(2,'sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88',1795347644381,0,0,NULL);
INSERT INTO "reviews" VALUES(2,'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5',1795347644120,0,0,NULL);
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
INSERT INTO "schema_migrations" VALUES(30,'0030-operation.sql');
INSERT INTO "schema_migrations" VALUES(31,'0031-archives-of-accounts.sql');
INSERT INTO "schema_migrations" VALUES(32,'0032-maintenance-mode.sql');
INSERT INTO "schema_migrations" VALUES(33,'0033-storage-usage.sql');
INSERT INTO "schema_migrations" VALUES(34,'0034-jobs.sql');
INSERT INTO "schema_migrations" VALUES(35,'0035-catalog.sql');
INSERT INTO "schema_migrations" VALUES(36,'0036-webhooks.sql');
INSERT INTO "schema_migrations" VALUES(37,'0037-mirror-traffic.sql');
INSERT INTO "schema_migrations" VALUES(38,'0038-job-runs.sql');
INSERT INTO "schema_migrations" VALUES(39,'0039-client-checks.sql');
INSERT INTO "schema_migrations" VALUES(40,'0040-search.sql');
CREATE TABLE search_method (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  method TEXT    NOT NULL
) STRICT;
INSERT INTO "search_method" VALUES(1,'fts5');
CREATE TABLE signing_keys (
  kid         TEXT    PRIMARY KEY,
  private_key TEXT    NOT NULL,
  created_at  INTEGER NOT NULL,
  retires_at  INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE stars (
  account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  repository TEXT    NOT NULL,
  starred_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, repository)
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
INSERT INTO "tag_history" VALUES(1,1,'1.0',1795340441549,NULL,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','admin','');
INSERT INTO "tag_history" VALUES(2,1,'latest',1795340442862,NULL,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','admin','');
INSERT INTO "tag_history" VALUES(3,2,'1',1795340443692,NULL,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','admin','');
INSERT INTO "tag_history" VALUES(4,2,'1',1795340444858,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','sha256:b76e82531e2a127e02b5b2849416da24dc8f42b95bf5fc8567296fc2a457999e','admin','');
INSERT INTO "tag_history" VALUES(5,2,'1',1795340496803,'sha256:b76e82531e2a127e02b5b2849416da24dc8f42b95bf5fc8567296fc2a457999e',NULL,'admin','');
CREATE TABLE tags (
  repository_id INTEGER NOT NULL,
  name          TEXT    NOT NULL,
  digest        TEXT    NOT NULL,
  updated_at    INTEGER NOT NULL, previous TEXT, natural_name TEXT,
  PRIMARY KEY (repository_id, name),
  FOREIGN KEY (repository_id, digest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "tags" VALUES(1,'1.0','sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',1795340441549,NULL,'0011.000');
INSERT INTO "tags" VALUES(1,'latest','sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',1795340442862,NULL,'latest');
INSERT INTO "tags" VALUES(3,'1','sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',1795340445000,NULL,'0011');
CREATE TABLE team_members (
  account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  team_id    INTEGER NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
  PRIMARY KEY (account_id, team_id)
) STRICT, WITHOUT ROWID;
INSERT INTO "team_members" VALUES(2,1);
CREATE TABLE teams (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT    NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;
INSERT INTO "teams" VALUES(1,'devs',1795340469026);
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
CREATE TABLE usage_state (
  id             INTEGER PRIMARY KEY CHECK (id = 1),
  started_at     INTEGER,
  completed_at   INTEGER,
  position       INTEGER,
  event_position INTEGER NOT NULL,
  is_stale       INTEGER NOT NULL,
  orphan_blobs   INTEGER NOT NULL,
  orphan_bytes   INTEGER NOT NULL,
  index_bytes    INTEGER NOT NULL,
  uploads        INTEGER NOT NULL,
  upload_bytes   INTEGER NOT NULL
) STRICT;
INSERT INTO "usage_state" VALUES(1,1795340445912,1795340446184,NULL,15,1,0,0,0,0,0);
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
INSERT INTO "visibilities" VALUES('team/old',1,0);
CREATE TABLE webhook_deliveries (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  target     TEXT    NOT NULL,
  message_id TEXT    NOT NULL,
  repository TEXT    NOT NULL,
  type       TEXT    NOT NULL,
  content    TEXT    NOT NULL,
  state      TEXT    NOT NULL,
  queued_at  INTEGER NOT NULL,
  attempts   INTEGER NOT NULL DEFAULT 0,
  status     INTEGER,
  error      TEXT,
  ended_at   INTEGER,
  UNIQUE (target, message_id)
) STRICT;
CREATE TABLE webhook_queues (
  target     TEXT    NOT NULL,
  repository TEXT    NOT NULL,
  failures   INTEGER NOT NULL DEFAULT 0,
  due_at     INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (target, repository)
) STRICT;
CREATE TABLE webhook_targets (
  name         TEXT    PRIMARY KEY,
  waiting      INTEGER NOT NULL DEFAULT 0,
  dead         INTEGER NOT NULL DEFAULT 0,
  failures     INTEGER NOT NULL DEFAULT 0,
  retry_at     INTEGER NOT NULL DEFAULT 0,
  succeeded_at INTEGER,
  failed_at    INTEGER,
  error        TEXT,
  seen_at      INTEGER NOT NULL
) STRICT;
DELETE FROM sqlite_sequence WHERE name='quota_rules'; INSERT INTO sqlite_sequence VALUES('quota_rules',1);
DELETE FROM sqlite_sequence WHERE name='accounts'; INSERT INTO sqlite_sequence VALUES('accounts',3);
DELETE FROM sqlite_sequence WHERE name='events'; INSERT INTO sqlite_sequence VALUES('events',16);
DELETE FROM sqlite_sequence WHERE name='quotas'; INSERT INTO sqlite_sequence VALUES('quotas',2);
DELETE FROM sqlite_sequence WHERE name='tag_history'; INSERT INTO sqlite_sequence VALUES('tag_history',5);
DELETE FROM sqlite_sequence WHERE name='teams'; INSERT INTO sqlite_sequence VALUES('teams',1);
DELETE FROM sqlite_sequence WHERE name='grants'; INSERT INTO sqlite_sequence VALUES('grants',2);
CREATE INDEX links_by_digest ON links (digest, repository_id);
CREATE INDEX manifests_by_subject ON manifests (repository_id, subject, digest) WHERE subject IS NOT NULL;
CREATE INDEX manifests_by_subject_and_type ON manifests (repository_id, subject, artifact_type, digest) WHERE subject IS NOT NULL;
CREATE INDEX manifests_by_digest ON manifests (digest);
CREATE INDEX manifest_references_by_digest ON manifest_references (repository_id, digest);
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
CREATE INDEX rate_windows_by_end ON rate_windows (ends_at);
CREATE INDEX archives_by_owner ON archives (owner, started_at);
CREATE INDEX repository_usage_by_size ON repository_usage (namespace, held_bytes, repository_id);
CREATE INDEX repository_usage_with_garbage ON repository_usage (counted_at, repository_id) WHERE garbage_bytes > 0;
CREATE INDEX namespace_usage_by_size ON namespace_usage (held_bytes, namespace);
CREATE TRIGGER repository_usage_added AFTER INSERT ON repository_usage BEGIN
  INSERT INTO namespace_usage (namespace, repositories, contents, bytes, own_bytes, held_bytes, cache_bytes, trash_bytes,
      garbage_bytes, untagged_manifests, untagged_bytes)
  VALUES (NEW.namespace, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), ('', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
  ON CONFLICT (namespace) DO NOTHING;
  UPDATE namespace_usage SET repositories = repositories + 1, contents = contents + NEW.contents, bytes = bytes + NEW.bytes,
    own_bytes = own_bytes + NEW.own_bytes, held_bytes = held_bytes + NEW.held_bytes,
    cache_bytes = cache_bytes + NEW.cache_bytes, trash_bytes = trash_bytes + NEW.trash_bytes,
    garbage_bytes = garbage_bytes + NEW.garbage_bytes, untagged_manifests = untagged_manifests + NEW.untagged_manifests,
    untagged_bytes = untagged_bytes + NEW.untagged_bytes
   WHERE namespace IN (NEW.namespace, '');
END;
CREATE TRIGGER repository_usage_removed AFTER DELETE ON repository_usage BEGIN
  UPDATE namespace_usage SET repositories = repositories - 1, contents = contents - OLD.contents, bytes = bytes - OLD.bytes,
    own_bytes = own_bytes - OLD.own_bytes, held_bytes = held_bytes - OLD.held_bytes,
    cache_bytes = cache_bytes - OLD.cache_bytes, trash_bytes = trash_bytes - OLD.trash_bytes,
    garbage_bytes = garbage_bytes - OLD.garbage_bytes, untagged_manifests = untagged_manifests - OLD.untagged_manifests,
    untagged_bytes = untagged_bytes - OLD.untagged_bytes
   WHERE namespace IN (OLD.namespace, '');
  DELETE FROM namespace_usage WHERE namespace = OLD.namespace AND repositories = 0;
END;
CREATE INDEX jobs_by_owner ON jobs (owner, started_at);
CREATE INDEX jobs_by_time ON jobs (started_at);
CREATE INDEX jobs_by_update ON jobs (updated_at);
CREATE VIEW natural_tag_names AS
SELECT t.repository_id, t.name, CASE WHEN t.name LIKE 'sha___-%' AND length(t.name) >= 71 THEN NULL ELSE (
  WITH RECURSIVE parts (done, rest) AS (
    SELECT '', t.name
    UNION
    SELECT done || CASE WHEN rest GLOB '[0-9]*'
        THEN printf('%03d', length(ltrim(substr(rest, 1, length(rest) - length(ltrim(rest, '0123456789'))), '0')))
          || ltrim(substr(rest, 1, length(rest) - length(ltrim(rest, '0123456789'))), '0')
        ELSE substr(rest, 1, length(rest) - length(ltrim(rest, 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-/'))) END,
      ltrim(rest, CASE WHEN rest GLOB '[0-9]*' THEN '0123456789'
        ELSE 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-/' END)
      FROM parts WHERE rest <> ''
  ) SELECT done FROM parts WHERE rest = '') END AS natural_name
  FROM tags t;
CREATE INDEX tags_by_digest ON tags (repository_id, digest, natural_name, updated_at);
CREATE INDEX tags_by_natural_name ON tags (repository_id, natural_name, name) WHERE natural_name IS NOT NULL;
CREATE INDEX tags_by_update ON tags (repository_id, updated_at, name) WHERE natural_name IS NOT NULL;
CREATE INDEX stars_by_repository ON stars (repository);
CREATE INDEX stars_by_time ON stars (account_id, starred_at, repository);
CREATE INDEX catalog_images_to_describe ON catalog_images (repository_id, digest) WHERE described < changes;
CREATE UNIQUE INDEX catalog_images_by_pull ON catalog_images (repository_id, pulled_at, digest);
CREATE UNIQUE INDEX catalog_images_by_size ON catalog_images (repository_id, download_bytes, digest);
CREATE VIEW natural_repository_names AS
SELECT t.repository_id, (
  WITH RECURSIVE parts (done, rest) AS (
    SELECT '', t.name
    UNION
    SELECT done || CASE WHEN rest GLOB '[0-9]*'
        THEN printf('%03d', length(ltrim(substr(rest, 1, length(rest) - length(ltrim(rest, '0123456789'))), '0')))
          || ltrim(substr(rest, 1, length(rest) - length(ltrim(rest, '0123456789'))), '0')
        ELSE substr(rest, 1, length(rest) - length(ltrim(rest, 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-/'))) END,
      ltrim(rest, CASE WHEN rest GLOB '[0-9]*' THEN '0123456789'
        ELSE 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-/' END)
      FROM parts WHERE rest <> ''
  ) SELECT done FROM parts WHERE rest = '') AS natural_name
  FROM catalog_entries t;
CREATE UNIQUE INDEX catalog_by_name ON catalog_entries (name);
CREATE INDEX catalog_by_push ON catalog_entries (is_mirrored, pushed_at, name);
CREATE INDEX catalog_by_pull ON catalog_entries (is_mirrored, pulled_at, name);
CREATE INDEX catalog_by_size ON catalog_entries (is_mirrored, size_bytes, name);
CREATE INDEX catalog_by_tags ON catalog_entries (is_mirrored, tags, name);
CREATE INDEX catalog_by_natural_name ON catalog_entries (is_mirrored, natural_name, name);
CREATE TRIGGER catalog_repository_added AFTER INSERT ON repositories BEGIN
  INSERT INTO catalog_entries (repository_id, name, namespace, stars, description)
  VALUES (NEW.id, NEW.name, substr(NEW.name, 1, max(instr(NEW.name, '/') - 1, 0)),
    (SELECT count(*) FROM stars s WHERE s.repository = NEW.name),
    coalesce((SELECT x.description FROM repository_texts x WHERE x.repository = NEW.name), ''));
END;
CREATE TRIGGER catalog_entry_added AFTER INSERT ON catalog_entries BEGIN
  UPDATE catalog_entries SET natural_name = (SELECT n.natural_name FROM natural_repository_names n
    WHERE n.repository_id = NEW.repository_id) WHERE repository_id = NEW.repository_id;
  INSERT INTO catalog_namespaces (namespace, repositories) VALUES (NEW.namespace, 1)
  ON CONFLICT (namespace) DO UPDATE SET repositories = repositories + 1;
END;
CREATE TRIGGER catalog_entry_removed AFTER DELETE ON catalog_entries BEGIN
  UPDATE catalog_namespaces SET repositories = repositories - 1 WHERE namespace = OLD.namespace;
  DELETE FROM catalog_namespaces WHERE namespace = OLD.namespace AND repositories <= 0;
END;
CREATE TRIGGER catalog_mirrored_added AFTER INSERT ON mirrored_repositories BEGIN
  UPDATE catalog_entries SET is_mirrored = 1 WHERE repository_id = NEW.repository_id;
END;
CREATE TRIGGER catalog_mirrored_removed AFTER DELETE ON mirrored_repositories BEGIN
  UPDATE catalog_entries SET is_mirrored = 0 WHERE repository_id = OLD.repository_id;
END;
CREATE TRIGGER catalog_star_added AFTER INSERT ON stars BEGIN
  UPDATE catalog_entries SET stars = stars + 1 WHERE name = NEW.repository;
END;
CREATE TRIGGER catalog_star_removed AFTER DELETE ON stars BEGIN
  UPDATE catalog_entries SET stars = stars - 1 WHERE name = OLD.repository;
END;
CREATE TRIGGER catalog_text_added AFTER INSERT ON repository_texts BEGIN
  UPDATE catalog_entries SET description = NEW.description WHERE name = NEW.repository;
END;
CREATE TRIGGER catalog_text_changed AFTER UPDATE ON repository_texts BEGIN
  UPDATE catalog_entries SET description = NEW.description WHERE name = NEW.repository;
END;
CREATE TRIGGER catalog_link_added AFTER INSERT ON links BEGIN
  UPDATE catalog_entries SET size_bytes = size_bytes + coalesce((SELECT size_bytes FROM blobs WHERE digest = NEW.digest), 0)
   WHERE repository_id = NEW.repository_id;
  UPDATE catalog_images SET changes = changes + 1 WHERE repository_id = NEW.repository_id AND is_partial = 1 AND digest IN
    (SELECT manifest FROM manifest_references WHERE repository_id = NEW.repository_id AND digest = NEW.digest);
END;
CREATE TRIGGER catalog_link_removed AFTER DELETE ON links BEGIN
  UPDATE catalog_entries SET size_bytes = size_bytes - coalesce((SELECT size_bytes FROM blobs WHERE digest = OLD.digest), 0)
   WHERE repository_id = OLD.repository_id;
END;
CREATE TRIGGER catalog_manifest_added AFTER INSERT ON manifests BEGIN
  UPDATE catalog_entries SET size_bytes = size_bytes + coalesce((SELECT size_bytes FROM blobs WHERE digest = NEW.digest), 0),
    pushed_at = max(pushed_at, NEW.pushed_at) WHERE repository_id = NEW.repository_id;
  INSERT INTO catalog_images (repository_id, digest, pulled_at) VALUES (NEW.repository_id, NEW.digest, coalesce(
    (SELECT p.pulled_at FROM manifest_pulls p WHERE p.repository_id = NEW.repository_id AND p.digest = NEW.digest), 0));
  UPDATE catalog_images SET changes = changes + 1 WHERE repository_id = NEW.repository_id AND digest = NEW.subject;
  UPDATE catalog_images SET changes = changes + 1 WHERE repository_id = NEW.repository_id AND is_partial = 1 AND digest IN
    (SELECT manifest FROM manifest_references WHERE repository_id = NEW.repository_id AND digest = NEW.digest);
END;
CREATE TRIGGER catalog_manifest_pushed AFTER UPDATE OF pushed_at ON manifests BEGIN
  UPDATE catalog_entries SET pushed_at = max(pushed_at, NEW.pushed_at) WHERE repository_id = NEW.repository_id;
END;
CREATE TRIGGER catalog_manifest_removed AFTER DELETE ON manifests BEGIN
  UPDATE catalog_entries SET size_bytes = size_bytes - coalesce((SELECT size_bytes FROM blobs WHERE digest = OLD.digest), 0)
   WHERE repository_id = OLD.repository_id;
  UPDATE catalog_images SET changes = changes + 1 WHERE repository_id = OLD.repository_id AND digest = OLD.subject;
END;
CREATE TRIGGER catalog_trashed_added AFTER INSERT ON trashed_manifests BEGIN
  UPDATE catalog_entries SET size_bytes = size_bytes + coalesce((SELECT size_bytes FROM blobs WHERE digest = NEW.digest), 0)
   WHERE repository_id = NEW.repository_id;
END;
CREATE TRIGGER catalog_trashed_removed AFTER DELETE ON trashed_manifests BEGIN
  UPDATE catalog_entries SET size_bytes = size_bytes - coalesce((SELECT size_bytes FROM blobs WHERE digest = OLD.digest), 0)
   WHERE repository_id = OLD.repository_id;
END;
CREATE TRIGGER catalog_tag_added AFTER INSERT ON tags BEGIN
  UPDATE tags SET natural_name = (SELECT n.natural_name FROM natural_tag_names n
    WHERE n.repository_id = NEW.repository_id AND n.name = NEW.name)
   WHERE repository_id = NEW.repository_id AND name = NEW.name;
  UPDATE catalog_entries SET tags = tags + 1 WHERE repository_id = NEW.repository_id
    AND NOT (NEW.name LIKE 'sha___-%' AND length(NEW.name) >= 71);
END;
CREATE TRIGGER catalog_tag_pointed AFTER INSERT ON tags BEGIN
  UPDATE catalog_entries SET pushed_at = max(pushed_at, NEW.updated_at) WHERE repository_id = NEW.repository_id;
  UPDATE catalog_entries SET latest_digest = NEW.digest, latest_at = NEW.updated_at
   WHERE repository_id = NEW.repository_id AND latest_at <= NEW.updated_at
     AND NOT (NEW.name LIKE 'sha___-%' AND length(NEW.name) >= 71);
  UPDATE catalog_images SET changes = changes + 1 WHERE repository_id = NEW.repository_id
    AND digest = CASE WHEN NEW.name LIKE 'sha___-%' AND length(NEW.name) >= 71 THEN 'sha256:' || substr(NEW.name, 8, 64)
      ELSE NEW.digest END;
END;
CREATE TRIGGER catalog_tag_moved AFTER UPDATE OF digest, updated_at ON tags BEGIN
  UPDATE catalog_entries SET pushed_at = max(pushed_at, NEW.updated_at) WHERE repository_id = NEW.repository_id;
  UPDATE catalog_entries SET latest_digest = NEW.digest, latest_at = NEW.updated_at
   WHERE repository_id = NEW.repository_id AND latest_at <= NEW.updated_at
     AND NOT (NEW.name LIKE 'sha___-%' AND length(NEW.name) >= 71);
  UPDATE catalog_images SET changes = changes + 1 WHERE repository_id = NEW.repository_id
    AND digest = CASE WHEN NEW.name LIKE 'sha___-%' AND length(NEW.name) >= 71 THEN 'sha256:' || substr(NEW.name, 8, 64)
      ELSE NEW.digest END;
END;
CREATE TRIGGER catalog_tag_removed AFTER DELETE ON tags BEGIN
  UPDATE catalog_entries SET tags = tags - 1 WHERE repository_id = OLD.repository_id
    AND NOT (OLD.name LIKE 'sha___-%' AND length(OLD.name) >= 71);
  UPDATE catalog_entries SET (latest_digest, latest_at) = (
    SELECT max(t.digest), coalesce(max(t.updated_at), 0) FROM (SELECT digest, updated_at FROM tags
      WHERE repository_id = OLD.repository_id AND natural_name IS NOT NULL ORDER BY updated_at DESC, name DESC LIMIT 1) t)
   WHERE repository_id = OLD.repository_id AND latest_digest = OLD.digest AND latest_at = OLD.updated_at;
  UPDATE catalog_images SET changes = changes + 1 WHERE repository_id = OLD.repository_id
    AND digest = CASE WHEN OLD.name LIKE 'sha___-%' AND length(OLD.name) >= 71 THEN 'sha256:' || substr(OLD.name, 8, 64)
      ELSE (SELECT latest_digest FROM catalog_entries WHERE repository_id = OLD.repository_id) END;
END;
CREATE TRIGGER catalog_pull_added AFTER INSERT ON manifest_pulls BEGIN
  UPDATE catalog_images SET pulled_at = NEW.pulled_at WHERE repository_id = NEW.repository_id AND digest = NEW.digest;
  UPDATE catalog_entries SET pulled_at = NEW.pulled_at WHERE repository_id = NEW.repository_id AND pulled_at < NEW.pulled_at;
END;
CREATE TRIGGER catalog_pull_repeated AFTER UPDATE OF pulled_at ON manifest_pulls BEGIN
  UPDATE catalog_images SET pulled_at = NEW.pulled_at WHERE repository_id = NEW.repository_id AND digest = NEW.digest;
  UPDATE catalog_entries SET pulled_at = NEW.pulled_at WHERE repository_id = NEW.repository_id AND pulled_at < NEW.pulled_at;
END;
CREATE INDEX webhook_queues_by_time ON webhook_queues (target, due_at, repository);
CREATE INDEX webhook_deliveries_by_repository ON webhook_deliveries (target, state, repository, id);
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (target, state, id);
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (state, ended_at);
CREATE INDEX mirror_traffic_by_hour ON mirror_traffic (hour);
CREATE INDEX mirrored_content_by_size ON mirrored_content (size_bytes, digest);
CREATE INDEX client_checks_by_end ON client_checks (expires_at);
CREATE INDEX client_checks_by_owner ON client_checks (owner, expires_at);
CREATE INDEX catalog_by_base_name ON catalog_entries (base_name, name);
CREATE INDEX tags_by_name ON tags (name, repository_id);
CREATE TRIGGER search_entry_added AFTER INSERT ON catalog_entries BEGIN
  UPDATE catalog_entries SET base_name = replace(NEW.name, rtrim(NEW.name, replace(NEW.name, '/', '')), '')
   WHERE repository_id = NEW.repository_id;
  INSERT INTO catalog_texts (rowid, name, description) VALUES (NEW.repository_id, NEW.name, NEW.description);
END;
CREATE TRIGGER search_entry_described AFTER UPDATE OF description ON catalog_entries
WHEN NEW.description <> OLD.description BEGIN
  UPDATE catalog_texts SET description = NEW.description WHERE rowid = NEW.repository_id;
END;
CREATE TRIGGER search_entry_removed AFTER DELETE ON catalog_entries BEGIN
  DELETE FROM catalog_texts WHERE rowid = OLD.repository_id;
END;
