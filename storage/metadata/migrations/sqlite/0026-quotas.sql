-- Quotas. Triggers keep the counters in the transaction of each change, whichever operation or version of berth makes it.

-- The configured rules. patterns: JSON list. state: 'counting' (not enforced yet), 'counted', 'dropped' (being deleted).
-- replaces: the rule that this one counts again, which stays in force meanwhile.
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

-- One for each namespace or repository of a rule (name), or one for all of them (name is ''). used_bytes: each digest once.
-- reserved_bytes: open uploads. uncounted: repositories whose content is not counted completely.
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

-- Repositories whose members are those of the rules of this version. A repository may be here before its first push ends.
CREATE TABLE quota_repositories (
  repository TEXT    PRIMARY KEY,
  version    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX quota_repositories_by_version ON quota_repositories (version, repository);

-- Which quotas a repository counts in. Its content up to the digest counted_to is counted, and its tags up to the name
-- tags_counted_to (both inclusive); '~' sorts after all of them.
CREATE TABLE quota_members (
  repository      TEXT    NOT NULL,
  quota_id        INTEGER NOT NULL,
  counted_to      TEXT    NOT NULL,
  tags_counted_to TEXT    NOT NULL,
  PRIMARY KEY (repository, quota_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX quota_members_by_quota ON quota_members (quota_id, repository);
CREATE INDEX quota_members_uncounted ON quota_members (quota_id, repository) WHERE counted_to < '~' OR tags_counted_to < '~';

-- uses: links, manifests and manifests in the trash of the quota's repositories that have the digest.
CREATE TABLE quota_contents (
  quota_id   INTEGER NOT NULL,
  digest     TEXT    NOT NULL,
  size_bytes INTEGER NOT NULL,
  uses       INTEGER NOT NULL,
  PRIMARY KEY (quota_id, digest)
) STRICT, WITHOUT ROWID;

-- One row. version: of the set of rules. position: the id of the last repository that was found for it. is_stale: 1 if a
-- counted repository became a mirrored one: everything is counted again.
CREATE TABLE quota_state (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  version  INTEGER NOT NULL,
  position INTEGER NOT NULL,
  is_stale INTEGER NOT NULL
) STRICT;
INSERT INTO quota_state (id, version, position, is_stale) VALUES (1, 0, 0, 0);

-- Space that the quotas of the repository hold for the session: at least the bytes that it has stored.
ALTER TABLE uploads ADD COLUMN reserved_bytes INTEGER NOT NULL DEFAULT 0;
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

-- The members whose counters have what a repository has; not those of a mirrored repository, which counts nowhere.
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

-- A mirrored repository became a pushed one: its content begins to count. Nothing of it was counted before.
CREATE TRIGGER quota_mirrored_removed AFTER DELETE ON mirrored_repositories WHEN EXISTS (SELECT 1 FROM quota_members) BEGIN
  UPDATE quotas SET uncounted = uncounted + 1 WHERE id IN
    (SELECT m.quota_id FROM repositories r JOIN quota_members m ON m.repository = r.name
      WHERE r.id = OLD.repository_id AND m.counted_to = '~' AND m.tags_counted_to = '~');
  UPDATE quota_members SET counted_to = '', tags_counted_to = ''
   WHERE repository = (SELECT name FROM repositories WHERE id = OLD.repository_id);
END;
-- A pushed repository became a mirrored one.
CREATE TRIGGER quota_mirrored_added AFTER INSERT ON mirrored_repositories WHEN EXISTS (SELECT 1 FROM quota_members) BEGIN
  UPDATE quota_state SET is_stale = 1 WHERE EXISTS
    (SELECT 1 FROM repositories r JOIN quota_members m ON m.repository = r.name WHERE r.id = NEW.repository_id);
END;
