CREATE TABLE blobs (
  digest     TEXT    PRIMARY KEY,
  size_bytes INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "blobs" VALUES('sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88',163,1795319772288);
INSERT INTO "blobs" VALUES('sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',395,1795319772306);
INSERT INTO "blobs" VALUES('sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5',30,1795319772275);
CREATE TABLE links (
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  digest        TEXT    NOT NULL REFERENCES blobs (digest),
  created_at    INTEGER NOT NULL,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;
INSERT INTO "links" VALUES(1,'sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88',1795319772288);
INSERT INTO "links" VALUES(1,'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5',1795319772275);
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
INSERT INTO "manifests" VALUES(1,'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f','application/vnd.oci.image.manifest.v1+json',395,'application/vnd.oci.image.config.v1+json',NULL,NULL,1795319772319);
CREATE TABLE repositories (
  id         INTEGER PRIMARY KEY,
  name       TEXT    NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;
INSERT INTO "repositories" VALUES(1,'team/app',1795319772275);
CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
INSERT INTO "schema_migrations" VALUES(1,'0001-registry.sql');
CREATE TABLE tags (
  repository_id INTEGER NOT NULL,
  name          TEXT    NOT NULL,
  digest        TEXT    NOT NULL,
  updated_at    INTEGER NOT NULL,
  PRIMARY KEY (repository_id, name),
  FOREIGN KEY (repository_id, digest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "tags" VALUES(1,'1.0','sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',1795319772306);
INSERT INTO "tags" VALUES(1,'latest','sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f',1795319772319);
CREATE TABLE uploads (
  id         TEXT    PRIMARY KEY,
  repository TEXT    NOT NULL,
  algorithm  TEXT    NOT NULL,
  started_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX links_by_digest ON links (digest, repository_id);
CREATE INDEX manifests_by_subject ON manifests (repository_id, subject, digest) WHERE subject IS NOT NULL;
CREATE INDEX manifests_by_subject_and_type ON manifests (repository_id, subject, artifact_type, digest) WHERE subject IS NOT NULL;
CREATE INDEX manifests_by_digest ON manifests (digest);
CREATE INDEX manifest_references_by_digest ON manifest_references (repository_id, digest);
CREATE INDEX tags_by_digest ON tags (repository_id, digest);
CREATE INDEX uploads_by_start ON uploads (started_at);
