-- The catalog: what lists of repositories and tags show, counted in the transaction of each change by triggers, whichever
-- operation or version of berth makes it. Times are milliseconds since 1970; 0: never.

-- Sorts as people count: `1.9` before `1.10`. Each number is preceded by how many digits it has, without leading zeros.
-- NULL: a tag that lists do not show, because it stands for the referrers or signatures of an image (`sha256-….sig`).
ALTER TABLE tags ADD COLUMN natural_name TEXT;
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
UPDATE tags SET natural_name = (SELECT n.natural_name FROM natural_tag_names n
  WHERE n.repository_id = tags.repository_id AND n.name = tags.name);
-- With what lists read of a tag: otherwise SQLite reads all tags of the repository instead.
DROP INDEX tags_by_digest;
CREATE INDEX tags_by_digest ON tags (repository_id, digest, natural_name, updated_at);
CREATE INDEX tags_by_natural_name ON tags (repository_id, natural_name, name) WHERE natural_name IS NOT NULL;
CREATE INDEX tags_by_update ON tags (repository_id, updated_at, name) WHERE natural_name IS NOT NULL;

-- Stars and texts belong to a name: they outlive a mirrored repository that is evicted.
CREATE TABLE stars (
  account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  repository TEXT    NOT NULL,
  starred_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, repository)
) STRICT, WITHOUT ROWID;
CREATE INDEX stars_by_repository ON stars (repository);
CREATE INDEX stars_by_time ON stars (account_id, starred_at, repository);

-- What people have written about a repository. readme: Markdown.
CREATE TABLE repository_texts (
  repository  TEXT    PRIMARY KEY,
  description TEXT    NOT NULL,
  readme      TEXT    NOT NULL,
  updated_at  INTEGER NOT NULL,
  updated_by  TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- One for each repository. namespace: the first component of a name with several, else ''. tags: without those that lists do
-- not show. size_bytes: blobs, manifests and manifests in the trash. latest_digest: of the tag that moved last, and latest_at
-- when. description: edited, else of the latest image, as are kind, platforms (separated by spaces) and is_signed.
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
) STRICT;

-- How many repositories a namespace has.
CREATE TABLE catalog_namespaces (
  namespace    TEXT    PRIMARY KEY,
  repositories INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One for each manifest. platforms: JSON list of { platform, digest, downloadBytes }. labels: JSON object. A job describes the
-- image again while described < changes. is_partial: 1 if a part that is not stored here was missing for the description.
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
CREATE INDEX catalog_images_to_describe ON catalog_images (repository_id, digest) WHERE described < changes;
CREATE UNIQUE INDEX catalog_images_by_pull ON catalog_images (repository_id, pulled_at, digest);
CREATE UNIQUE INDEX catalog_images_by_size ON catalog_images (repository_id, download_bytes, digest);

INSERT INTO catalog_entries (repository_id, name, namespace, is_mirrored, tags, size_bytes, pushed_at, pulled_at, latest_digest,
  latest_at)
SELECT r.id, r.name, substr(r.name, 1, max(instr(r.name, '/') - 1, 0)),
  EXISTS (SELECT 1 FROM mirrored_repositories m WHERE m.repository_id = r.id),
  (SELECT count(*) FROM tags t WHERE t.repository_id = r.id AND t.natural_name IS NOT NULL),
  (SELECT coalesce(sum(b.size_bytes), 0) FROM links l JOIN blobs b ON b.digest = l.digest WHERE l.repository_id = r.id)
  + (SELECT coalesce(sum(b.size_bytes), 0) FROM manifests m JOIN blobs b ON b.digest = m.digest WHERE m.repository_id = r.id)
  + (SELECT coalesce(sum(b.size_bytes), 0) FROM trashed_manifests x JOIN blobs b ON b.digest = x.digest
      WHERE x.repository_id = r.id),
  max((SELECT coalesce(max(m.pushed_at), 0) FROM manifests m WHERE m.repository_id = r.id),
      (SELECT coalesce(max(t.updated_at), 0) FROM tags t WHERE t.repository_id = r.id)),
  (SELECT coalesce(max(p.pulled_at), 0) FROM manifest_pulls p WHERE p.repository_id = r.id),
  (SELECT t.digest FROM tags t WHERE t.repository_id = r.id AND t.natural_name IS NOT NULL
    ORDER BY t.updated_at DESC, t.name DESC LIMIT 1),
  (SELECT coalesce(max(t.updated_at), 0) FROM tags t WHERE t.repository_id = r.id AND t.natural_name IS NOT NULL)
  FROM repositories r;
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
UPDATE catalog_entries SET natural_name = (SELECT n.natural_name FROM natural_repository_names n
  WHERE n.repository_id = catalog_entries.repository_id);
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
