-- The catalog: what lists of repositories and tags show, counted in the transaction of each change by triggers, whichever
-- operation or version of berth makes it. Times are milliseconds since 1970; 0: never.

-- Sorts as people count: `1.9` before `1.10`. Each number is preceded by how many digits it has, without leading zeros.
-- NULL: a tag that lists do not show, because it stands for the referrers or signatures of an image (`sha256-….sig`).
ALTER TABLE tags ADD COLUMN natural_name TEXT COLLATE "C";
CREATE FUNCTION natural_name(name TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN name LIKE 'sha___-%' AND length(name) >= 71 THEN NULL ELSE (
    SELECT string_agg(CASE WHEN part[1] ~ '^[0-9]' THEN lpad(length(ltrim(part[1], '0'))::text, 3, '0') || ltrim(part[1], '0')
                           ELSE part[1] END, '' ORDER BY number)
      FROM regexp_matches(name, '[0-9]+|[^0-9]+', 'g') WITH ORDINALITY AS parts (part, number)) END
$$;
UPDATE tags SET natural_name = natural_name(name);
-- With what lists read of a tag: otherwise SQLite reads all tags of the repository instead.
DROP INDEX tags_by_digest;
CREATE INDEX tags_by_digest ON tags (repository_id, digest, natural_name, updated_at);
CREATE INDEX tags_by_natural_name ON tags (repository_id, natural_name, name) WHERE natural_name IS NOT NULL;
CREATE INDEX tags_by_update ON tags (repository_id, updated_at, name) WHERE natural_name IS NOT NULL;

-- Stars and texts belong to a name: they outlive a mirrored repository that is evicted.
CREATE TABLE stars (
  account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  repository TEXT COLLATE "C" NOT NULL,
  starred_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, repository)
);
CREATE INDEX stars_by_repository ON stars (repository);
CREATE INDEX stars_by_time ON stars (account_id, starred_at, repository);

-- What people have written about a repository. readme: Markdown.
CREATE TABLE repository_texts (
  repository  TEXT COLLATE "C" PRIMARY KEY,
  description TEXT    NOT NULL,
  readme      TEXT    NOT NULL,
  updated_at  BIGINT NOT NULL,
  updated_by  TEXT    NOT NULL
);

-- One for each repository. namespace: the first component of a name with several, else ''. tags: without those that lists do
-- not show. size_bytes: blobs, manifests and manifests in the trash. latest_digest: of the tag that moved last, and latest_at
-- when. description: edited, else of the latest image, as are kind, platforms (separated by spaces) and is_signed.
CREATE TABLE catalog_entries (
  repository_id BIGINT PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
  name          TEXT COLLATE "C" NOT NULL,
  natural_name  TEXT COLLATE "C" NOT NULL DEFAULT '',
  namespace     TEXT COLLATE "C" NOT NULL,
  is_mirrored   BIGINT NOT NULL DEFAULT 0,
  tags          BIGINT NOT NULL DEFAULT 0,
  size_bytes    BIGINT NOT NULL DEFAULT 0,
  pushed_at     BIGINT NOT NULL DEFAULT 0,
  pulled_at     BIGINT NOT NULL DEFAULT 0,
  stars         BIGINT NOT NULL DEFAULT 0,
  latest_digest TEXT COLLATE "C",
  latest_at     BIGINT NOT NULL DEFAULT 0,
  description   TEXT    NOT NULL DEFAULT '',
  kind          TEXT    NOT NULL DEFAULT '',
  platforms     TEXT    NOT NULL DEFAULT '',
  is_signed     BIGINT NOT NULL DEFAULT 0
);

-- How many repositories a namespace has.
CREATE TABLE catalog_namespaces (
  namespace    TEXT COLLATE "C" PRIMARY KEY,
  repositories BIGINT NOT NULL
);

-- One for each manifest. platforms: JSON list of { platform, digest, downloadBytes }. labels: JSON object. A job describes the
-- image again while described < changes. is_partial: 1 if a part that is not stored here was missing for the description.
CREATE TABLE catalog_images (
  repository_id  BIGINT NOT NULL,
  digest         TEXT COLLATE "C" NOT NULL,
  pulled_at      BIGINT NOT NULL DEFAULT 0,
  download_bytes BIGINT NOT NULL DEFAULT 0,
  kind           TEXT    NOT NULL DEFAULT '',
  platforms      TEXT    NOT NULL DEFAULT '[]',
  labels         TEXT    NOT NULL DEFAULT '{}',
  is_signed      BIGINT NOT NULL DEFAULT 0,
  has_sbom       BIGINT NOT NULL DEFAULT 0,
  is_partial     BIGINT NOT NULL DEFAULT 0,
  changes        BIGINT NOT NULL DEFAULT 1,
  described      BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (repository_id, digest),
  FOREIGN KEY (repository_id, digest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE
);
CREATE INDEX catalog_images_to_describe ON catalog_images (repository_id, digest) WHERE described < changes;
CREATE UNIQUE INDEX catalog_images_by_pull ON catalog_images (repository_id, pulled_at, digest);
CREATE UNIQUE INDEX catalog_images_by_size ON catalog_images (repository_id, download_bytes, digest);

INSERT INTO catalog_entries (repository_id, name, natural_name, namespace, is_mirrored, tags, size_bytes, pushed_at,
  pulled_at, latest_digest, latest_at)
SELECT r.id, r.name, natural_name(r.name), substr(r.name, 1, greatest(strpos(r.name, '/') - 1, 0)),
  (SELECT count(*) FROM mirrored_repositories m WHERE m.repository_id = r.id),
  (SELECT count(*) FROM tags t WHERE t.repository_id = r.id AND t.natural_name IS NOT NULL),
  (SELECT coalesce(sum(b.size_bytes), 0) FROM links l JOIN blobs b ON b.digest = l.digest WHERE l.repository_id = r.id)
  + (SELECT coalesce(sum(b.size_bytes), 0) FROM manifests m JOIN blobs b ON b.digest = m.digest WHERE m.repository_id = r.id)
  + (SELECT coalesce(sum(b.size_bytes), 0) FROM trashed_manifests x JOIN blobs b ON b.digest = x.digest
      WHERE x.repository_id = r.id),
  greatest((SELECT coalesce(max(m.pushed_at), 0) FROM manifests m WHERE m.repository_id = r.id),
           (SELECT coalesce(max(t.updated_at), 0) FROM tags t WHERE t.repository_id = r.id)),
  (SELECT coalesce(max(p.pulled_at), 0) FROM manifest_pulls p WHERE p.repository_id = r.id),
  (SELECT t.digest FROM tags t WHERE t.repository_id = r.id AND t.natural_name IS NOT NULL
    ORDER BY t.updated_at DESC, t.name DESC LIMIT 1),
  (SELECT coalesce(max(t.updated_at), 0) FROM tags t WHERE t.repository_id = r.id AND t.natural_name IS NOT NULL)
  FROM repositories r;
CREATE UNIQUE INDEX catalog_by_name ON catalog_entries (name);
CREATE INDEX catalog_by_push ON catalog_entries (is_mirrored, pushed_at, name);
CREATE INDEX catalog_by_pull ON catalog_entries (is_mirrored, pulled_at, name);
CREATE INDEX catalog_by_size ON catalog_entries (is_mirrored, size_bytes, name);
CREATE INDEX catalog_by_tags ON catalog_entries (is_mirrored, tags, name);
CREATE INDEX catalog_by_natural_name ON catalog_entries (is_mirrored, natural_name, name);
INSERT INTO catalog_namespaces (namespace, repositories) SELECT namespace, count(*) FROM catalog_entries GROUP BY namespace;
INSERT INTO catalog_images (repository_id, digest, pulled_at)
SELECT m.repository_id, m.digest, coalesce((SELECT p.pulled_at FROM manifest_pulls p
  WHERE p.repository_id = m.repository_id AND p.digest = m.digest), 0) FROM manifests m;

CREATE FUNCTION catalog_repository_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO catalog_entries (repository_id, name, natural_name, namespace, stars, description)
  VALUES (NEW.id, NEW.name, natural_name(NEW.name), substr(NEW.name, 1, greatest(strpos(NEW.name, '/') - 1, 0)),
    (SELECT count(*) FROM stars s WHERE s.repository = NEW.name),
    coalesce((SELECT x.description FROM repository_texts x WHERE x.repository = NEW.name), ''));
  RETURN NULL;
END $$;
CREATE TRIGGER catalog_repository_added AFTER INSERT ON repositories
FOR EACH ROW EXECUTE FUNCTION catalog_repository_added();

CREATE FUNCTION catalog_entry_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO catalog_namespaces (namespace, repositories) VALUES (NEW.namespace, 1)
    ON CONFLICT (namespace) DO UPDATE SET repositories = catalog_namespaces.repositories + 1;
  ELSE
    UPDATE catalog_namespaces SET repositories = repositories - 1 WHERE namespace = OLD.namespace;
    DELETE FROM catalog_namespaces WHERE namespace = OLD.namespace AND repositories <= 0;
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER catalog_entry_changed AFTER INSERT OR DELETE ON catalog_entries DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION catalog_entry_changed();

CREATE FUNCTION catalog_mirrored_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    UPDATE catalog_entries SET is_mirrored = 1 WHERE repository_id = NEW.repository_id;
  ELSE
    UPDATE catalog_entries SET is_mirrored = 0 WHERE repository_id = OLD.repository_id;
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER catalog_mirrored_changed AFTER INSERT OR DELETE ON mirrored_repositories
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalog_mirrored_changed();

CREATE FUNCTION catalog_star_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    UPDATE catalog_entries SET stars = stars + 1 WHERE name = NEW.repository;
  ELSE
    UPDATE catalog_entries SET stars = stars - 1 WHERE name = OLD.repository;
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER catalog_star_changed AFTER INSERT OR DELETE ON stars DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION catalog_star_changed();

CREATE FUNCTION catalog_text_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE catalog_entries SET description = NEW.description WHERE name = NEW.repository;
  RETURN NULL;
END $$;
CREATE TRIGGER catalog_text_changed AFTER INSERT OR UPDATE ON repository_texts
FOR EACH ROW EXECUTE FUNCTION catalog_text_changed();

-- For links, manifests and manifests in the trash. The row of the repository is changed at the end of the transaction, and
-- those of its images after it: pushes to one repository wait only for each other's commit, never in a circle. A removal is
-- counted at once, before the blob is gone; removals run alone.
CREATE FUNCTION catalog_content_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE catalog_entries SET size_bytes = size_bytes + coalesce((SELECT b.size_bytes FROM blobs b WHERE b.digest = NEW.digest), 0)
   WHERE repository_id = NEW.repository_id;
  RETURN NULL;
END $$;
CREATE FUNCTION catalog_content_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE catalog_entries SET size_bytes = size_bytes - coalesce((SELECT b.size_bytes FROM blobs b WHERE b.digest = OLD.digest), 0)
   WHERE repository_id = OLD.repository_id;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER catalog_link_added AFTER INSERT ON links DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION catalog_content_added();
CREATE TRIGGER catalog_link_removed AFTER DELETE ON links FOR EACH ROW EXECUTE FUNCTION catalog_content_removed();
CREATE CONSTRAINT TRIGGER catalog_manifest_counted AFTER INSERT ON manifests DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION catalog_content_added();
CREATE TRIGGER catalog_manifest_removed AFTER DELETE ON manifests FOR EACH ROW EXECUTE FUNCTION catalog_content_removed();
CREATE CONSTRAINT TRIGGER catalog_trashed_added AFTER INSERT ON trashed_manifests DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION catalog_content_added();
CREATE TRIGGER catalog_trashed_removed AFTER DELETE ON trashed_manifests
FOR EACH ROW EXECUTE FUNCTION catalog_content_removed();

-- A link or a manifest is a part of images that could not be described completely without it.
CREATE FUNCTION catalog_part_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE catalog_images SET changes = changes + 1 WHERE repository_id = NEW.repository_id AND is_partial = 1 AND digest IN
    (SELECT r.manifest FROM manifest_references r WHERE r.repository_id = NEW.repository_id AND r.digest = NEW.digest);
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER catalog_link_part_added AFTER INSERT ON links DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION catalog_part_added();
CREATE CONSTRAINT TRIGGER catalog_manifest_part_added AFTER INSERT ON manifests DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION catalog_part_added();

CREATE FUNCTION catalog_manifest_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO catalog_images (repository_id, digest, pulled_at) VALUES (NEW.repository_id, NEW.digest, coalesce(
    (SELECT p.pulled_at FROM manifest_pulls p WHERE p.repository_id = NEW.repository_id AND p.digest = NEW.digest), 0));
  RETURN NULL;
END $$;
CREATE TRIGGER catalog_manifest_added AFTER INSERT ON manifests FOR EACH ROW EXECUTE FUNCTION catalog_manifest_added();
CREATE FUNCTION catalog_referrer_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    UPDATE catalog_images SET changes = changes + 1 WHERE repository_id = NEW.repository_id AND digest = NEW.subject;
  ELSE
    UPDATE catalog_images SET changes = changes + 1 WHERE repository_id = OLD.repository_id AND digest = OLD.subject;
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER catalog_referrer_changed AFTER INSERT OR DELETE ON manifests DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION catalog_referrer_changed();
CREATE FUNCTION catalog_manifest_pushed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE catalog_entries SET pushed_at = greatest(pushed_at, NEW.pushed_at) WHERE repository_id = NEW.repository_id;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER catalog_manifest_pushed AFTER INSERT OR UPDATE OF pushed_at ON manifests
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalog_manifest_pushed();

CREATE FUNCTION catalog_tag_named() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.natural_name := natural_name(NEW.name);
  RETURN NEW;
END $$;
CREATE TRIGGER catalog_tag_named BEFORE INSERT ON tags FOR EACH ROW EXECUTE FUNCTION catalog_tag_named();
CREATE FUNCTION catalog_tag_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  is_listed BOOLEAN := natural_name(coalesce(NEW.name, OLD.name)) IS NOT NULL;
  affected TEXT;
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF is_listed THEN
      UPDATE catalog_entries SET tags = tags - 1 WHERE repository_id = OLD.repository_id;
      UPDATE catalog_entries SET (latest_digest, latest_at) = (
        SELECT max(t.digest), coalesce(max(t.updated_at), 0) FROM (SELECT x.digest, x.updated_at FROM tags x
          WHERE x.repository_id = OLD.repository_id AND x.natural_name IS NOT NULL
          ORDER BY x.updated_at DESC, x.name DESC LIMIT 1) t)
       WHERE repository_id = OLD.repository_id AND latest_digest = OLD.digest AND latest_at = OLD.updated_at;
      SELECT e.latest_digest INTO affected FROM catalog_entries e WHERE e.repository_id = OLD.repository_id;
    ELSE
      affected := 'sha256:' || substr(OLD.name, 8, 64);
    END IF;
    UPDATE catalog_images SET changes = changes + 1 WHERE repository_id = OLD.repository_id AND digest = affected;
    RETURN NULL;
  END IF;
  UPDATE catalog_entries SET pushed_at = greatest(pushed_at, NEW.updated_at) WHERE repository_id = NEW.repository_id;
  IF is_listed THEN
    IF TG_OP = 'INSERT' THEN
      UPDATE catalog_entries SET tags = tags + 1 WHERE repository_id = NEW.repository_id;
    END IF;
    UPDATE catalog_entries SET latest_digest = NEW.digest, latest_at = NEW.updated_at
     WHERE repository_id = NEW.repository_id AND latest_at <= NEW.updated_at;
    affected := NEW.digest;
  ELSE
    affected := 'sha256:' || substr(NEW.name, 8, 64);
  END IF;
  UPDATE catalog_images SET changes = changes + 1 WHERE repository_id = NEW.repository_id AND digest = affected;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER catalog_tag_changed AFTER INSERT OR DELETE OR UPDATE OF digest, updated_at ON tags
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalog_tag_changed();

CREATE FUNCTION catalog_pull_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE catalog_entries SET pulled_at = greatest(pulled_at, NEW.pulled_at) WHERE repository_id = NEW.repository_id;
  UPDATE catalog_images SET pulled_at = NEW.pulled_at WHERE repository_id = NEW.repository_id AND digest = NEW.digest;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER catalog_pull_changed AFTER INSERT OR UPDATE OF pulled_at ON manifest_pulls
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalog_pull_changed();
