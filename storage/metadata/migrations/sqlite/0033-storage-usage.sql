-- Sizes of repositories, counted in the background for views of the space that is used. Times are milliseconds since 1970.

-- A content is a digest that the repository has as a blob, a manifest, or a manifest in the trash; each counts once.
-- own_bytes: of contents that no other repository has. held_bytes: of contents that no repository with a smaller id has, so that
-- the sum over all repositories is the size of the store. cache_, trash_ and garbage_bytes are parts of held_bytes: from
-- upstreams, needed by the trash only, and needed by nothing.
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
CREATE INDEX repository_usage_by_size ON repository_usage (namespace, held_bytes, repository_id);
CREATE INDEX repository_usage_with_garbage ON repository_usage (counted_at, repository_id) WHERE garbage_bytes > 0;

-- Sums over the repositories of a namespace, and over all repositories (namespace ''). Triggers keep them.
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

-- One row. position: the id of the last repository that the count of all has reached; null between two counts.
-- event_position: the last event whose repository was counted again. is_stale: 1 if something has changed since the begin of the
-- last count. orphan_, index_ and upload_bytes: bytes without a repository, indexes of layers, open uploads.
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
