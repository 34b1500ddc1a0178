-- Sizes of repositories, counted in the background for views of the space that is used. Times are milliseconds since 1970.

-- A content is a digest that the repository has as a blob, a manifest, or a manifest in the trash; each counts once.
-- own_bytes: of contents that no other repository has. held_bytes: of contents that no repository with a smaller id has, so that
-- the sum over all repositories is the size of the store. cache_, trash_ and garbage_bytes are parts of held_bytes: from
-- upstreams, needed by the trash only, and needed by nothing.
CREATE TABLE repository_usage (
  repository_id      BIGINT PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
  namespace          TEXT COLLATE "C" NOT NULL,
  contents           BIGINT NOT NULL,
  bytes              BIGINT NOT NULL,
  own_bytes          BIGINT NOT NULL,
  held_bytes         BIGINT NOT NULL,
  cache_bytes        BIGINT NOT NULL,
  trash_bytes        BIGINT NOT NULL,
  garbage_bytes      BIGINT NOT NULL,
  untagged_manifests BIGINT NOT NULL,
  untagged_bytes     BIGINT NOT NULL,
  counted_at         BIGINT NOT NULL
);
CREATE INDEX repository_usage_by_size ON repository_usage (namespace, held_bytes, repository_id);
CREATE INDEX repository_usage_with_garbage ON repository_usage (counted_at, repository_id) WHERE garbage_bytes > 0;

-- Sums over the repositories of a namespace, and over all repositories (namespace ''). Triggers keep them.
CREATE TABLE namespace_usage (
  namespace          TEXT COLLATE "C" PRIMARY KEY,
  repositories       BIGINT NOT NULL,
  contents           BIGINT NOT NULL,
  bytes              BIGINT NOT NULL,
  own_bytes          BIGINT NOT NULL,
  held_bytes         BIGINT NOT NULL,
  cache_bytes        BIGINT NOT NULL,
  trash_bytes        BIGINT NOT NULL,
  garbage_bytes      BIGINT NOT NULL,
  untagged_manifests BIGINT NOT NULL,
  untagged_bytes     BIGINT NOT NULL
);
CREATE INDEX namespace_usage_by_size ON namespace_usage (held_bytes, namespace);

CREATE FUNCTION repository_usage_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO namespace_usage (namespace, repositories, contents, bytes, own_bytes, held_bytes, cache_bytes, trash_bytes,
        garbage_bytes, untagged_manifests, untagged_bytes)
    VALUES (NEW.namespace, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), ('', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    ON CONFLICT (namespace) DO NOTHING;
    UPDATE namespace_usage SET repositories = repositories + 1,
      contents = contents + NEW.contents,
      bytes = bytes + NEW.bytes,
      own_bytes = own_bytes + NEW.own_bytes,
      held_bytes = held_bytes + NEW.held_bytes,
      cache_bytes = cache_bytes + NEW.cache_bytes,
      trash_bytes = trash_bytes + NEW.trash_bytes,
      garbage_bytes = garbage_bytes + NEW.garbage_bytes,
      untagged_manifests = untagged_manifests + NEW.untagged_manifests,
      untagged_bytes = untagged_bytes + NEW.untagged_bytes
     WHERE namespace IN (NEW.namespace, '');
  ELSE
    UPDATE namespace_usage SET repositories = repositories - 1,
      contents = contents - OLD.contents,
      bytes = bytes - OLD.bytes,
      own_bytes = own_bytes - OLD.own_bytes,
      held_bytes = held_bytes - OLD.held_bytes,
      cache_bytes = cache_bytes - OLD.cache_bytes,
      trash_bytes = trash_bytes - OLD.trash_bytes,
      garbage_bytes = garbage_bytes - OLD.garbage_bytes,
      untagged_manifests = untagged_manifests - OLD.untagged_manifests,
      untagged_bytes = untagged_bytes - OLD.untagged_bytes
     WHERE namespace IN (OLD.namespace, '');
    DELETE FROM namespace_usage WHERE namespace = OLD.namespace AND repositories = 0;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER repository_usage_changed AFTER INSERT OR DELETE ON repository_usage
FOR EACH ROW EXECUTE FUNCTION repository_usage_changed();

-- One row. position: the id of the last repository that the count of all has reached; null between two counts.
-- event_position: the last event whose repository was counted again. is_stale: 1 if something has changed since the begin of the
-- last count. orphan_, index_ and upload_bytes: bytes without a repository, indexes of layers, open uploads.
CREATE TABLE usage_state (
  id             BIGINT PRIMARY KEY CHECK (id = 1),
  started_at     BIGINT ,
  completed_at   BIGINT ,
  position       BIGINT ,
  event_position BIGINT NOT NULL,
  is_stale       BIGINT NOT NULL,
  orphan_blobs   BIGINT NOT NULL,
  orphan_bytes   BIGINT NOT NULL,
  index_bytes    BIGINT NOT NULL,
  uploads        BIGINT NOT NULL,
  upload_bytes   BIGINT NOT NULL
);
