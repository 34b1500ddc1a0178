-- Repositories that hold copies of what an upstream has.
CREATE TABLE mirrored_repositories (
  repository_id INTEGER PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
  upstream      TEXT    NOT NULL
) STRICT;

-- What an upstream says of a tag, and when it last said so. The manifest itself may not have been fetched.
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
CREATE INDEX mirrored_tags_by_digest ON mirrored_tags (repository_id, digest);

-- What mirrored manifests promise: content that may be fetched, its size known before.
CREATE TABLE mirrored_promises (
  repository_id INTEGER NOT NULL REFERENCES mirrored_repositories (repository_id) ON DELETE CASCADE,
  digest        TEXT    NOT NULL,
  size_bytes    INTEGER NOT NULL,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;

-- Content that came from an upstream, and when it was last asked for.
CREATE TABLE mirrored_content (
  digest     TEXT    PRIMARY KEY REFERENCES blobs (digest) ON DELETE CASCADE,
  size_bytes INTEGER NOT NULL,
  used_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mirrored_content_by_use ON mirrored_content (used_at, digest);
