-- Deleted manifests that can be restored until `purge_at`. Times are milliseconds since 1970.

-- One deletion: the manifest that was deleted, and everything that went with it.
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
CREATE INDEX trash_entries_by_repository ON trash_entries (repository_id, id);
CREATE INDEX trash_entries_by_purge ON trash_entries (purge_at, id);

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
CREATE INDEX trashed_manifests_by_entry ON trashed_manifests (entry_id, digest);
CREATE INDEX trashed_manifests_by_digest ON trashed_manifests (digest);

CREATE TABLE trashed_references (
  repository_id INTEGER NOT NULL,
  manifest      TEXT    NOT NULL,
  digest        TEXT    NOT NULL,
  PRIMARY KEY (repository_id, manifest, digest),
  FOREIGN KEY (repository_id, manifest) REFERENCES trashed_manifests (repository_id, digest) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX trashed_references_by_digest ON trashed_references (repository_id, digest);

CREATE TABLE trashed_tags (
  entry_id      INTEGER NOT NULL REFERENCES trash_entries (id) ON DELETE CASCADE,
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  name          TEXT    NOT NULL,
  digest        TEXT    NOT NULL,
  PRIMARY KEY (entry_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX trashed_tags_by_repository ON trashed_tags (repository_id, name);

-- Manifests that must not be deleted, with the reason. `until` is null for a hold without an end.
CREATE TABLE holds (
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  digest        TEXT    NOT NULL,
  reason        TEXT    NOT NULL,
  actor         TEXT    NOT NULL,
  created_at    INTEGER NOT NULL,
  until         INTEGER,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX holds_by_end ON holds (until) WHERE until IS NOT NULL;

-- Every move of a tag. `from_digest` is null where the tag was new, `to_digest` where it was deleted.
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
CREATE INDEX tag_history_by_tag ON tag_history (repository_id, name, id);
