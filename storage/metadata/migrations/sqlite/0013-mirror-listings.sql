-- The last answers of upstreams to listings (tags, referrers), page by page: served while an upstream is away.
CREATE TABLE mirrored_listings (
  repository TEXT    NOT NULL,
  path       TEXT    NOT NULL, -- below the repository, with its query
  document   TEXT    NOT NULL,
  next       TEXT,             -- query of the next page
  fetched_at INTEGER NOT NULL,
  PRIMARY KEY (repository, path)
) STRICT;
CREATE INDEX mirrored_listings_by_time ON mirrored_listings (fetched_at);

-- Older versions left these behind when they evicted a manifest.
DELETE FROM mirrored_promises WHERE NOT EXISTS (
  SELECT 1 FROM manifest_references r WHERE r.repository_id = mirrored_promises.repository_id AND r.digest = mirrored_promises.digest
);
