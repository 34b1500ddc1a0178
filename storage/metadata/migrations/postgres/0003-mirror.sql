-- Repositories that hold copies of what an upstream has.
CREATE TABLE mirrored_repositories (
  repository_id BIGINT PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
  upstream      TEXT COLLATE "C" NOT NULL
);

-- What an upstream says of a tag, and when it last said so. The manifest itself may not have been fetched.
CREATE TABLE mirrored_tags (
  repository_id BIGINT NOT NULL REFERENCES mirrored_repositories (repository_id) ON DELETE CASCADE,
  name          TEXT COLLATE "C" NOT NULL,
  digest        TEXT COLLATE "C" NOT NULL,
  media_type    TEXT COLLATE "C" NOT NULL,
  size_bytes    BIGINT NOT NULL,
  checked_at    BIGINT NOT NULL,
  missing_since BIGINT, -- the upstream knows it no longer
  PRIMARY KEY (repository_id, name)
);
CREATE INDEX mirrored_tags_by_digest ON mirrored_tags (repository_id, digest);

-- What mirrored manifests promise: content that may be fetched, its size known before.
CREATE TABLE mirrored_promises (
  repository_id BIGINT NOT NULL REFERENCES mirrored_repositories (repository_id) ON DELETE CASCADE,
  digest        TEXT COLLATE "C" NOT NULL,
  size_bytes    BIGINT NOT NULL,
  PRIMARY KEY (repository_id, digest)
);

-- Content that came from an upstream, and when it was last asked for.
CREATE TABLE mirrored_content (
  digest     TEXT COLLATE "C" PRIMARY KEY REFERENCES blobs (digest) ON DELETE CASCADE,
  size_bytes BIGINT NOT NULL,
  used_at    BIGINT NOT NULL
);
CREATE INDEX mirrored_content_by_use ON mirrored_content (used_at, digest);
