-- Content that was used again after it came: what is used only once does not push it out.
ALTER TABLE mirrored_content ADD COLUMN is_protected INTEGER NOT NULL DEFAULT 0;
CREATE INDEX mirrored_content_by_segment ON mirrored_content (is_protected, used_at, digest);
DROP INDEX mirrored_content_by_use;

-- Bytes that the store has, or is about to have, although no mirrored content counts them: on their way in or out.
CREATE TABLE mirrored_transits (
  digest     TEXT    NOT NULL,
  is_leaving INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  since      INTEGER NOT NULL,
  PRIMARY KEY (digest, is_leaving)
) STRICT, WITHOUT ROWID;
CREATE INDEX mirrored_transits_by_time ON mirrored_transits (is_leaving, since);

-- Blobs too large to be kept for one request, and when there was one.
CREATE TABLE mirrored_refusals (
  digest     TEXT    PRIMARY KEY,
  refused_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mirrored_refusals_by_time ON mirrored_refusals (refused_at);

-- One row: how many bytes those tables have. Triggers keep it, whichever version of berth writes.
CREATE TABLE mirrored_size (
  id              INTEGER PRIMARY KEY CHECK (id = 1),
  content_bytes   INTEGER NOT NULL,
  protected_bytes INTEGER NOT NULL,
  transit_bytes   INTEGER NOT NULL
) STRICT;
INSERT INTO mirrored_size (id, content_bytes, protected_bytes, transit_bytes)
SELECT 1, coalesce(sum(size_bytes), 0), 0, 0 FROM mirrored_content;

CREATE TRIGGER mirrored_content_added AFTER INSERT ON mirrored_content BEGIN
  UPDATE mirrored_size SET content_bytes = content_bytes + NEW.size_bytes,
    protected_bytes = protected_bytes + NEW.size_bytes * NEW.is_protected WHERE id = 1;
END;
CREATE TRIGGER mirrored_content_removed AFTER DELETE ON mirrored_content BEGIN
  UPDATE mirrored_size SET content_bytes = content_bytes - OLD.size_bytes,
    protected_bytes = protected_bytes - OLD.size_bytes * OLD.is_protected WHERE id = 1;
END;
CREATE TRIGGER mirrored_content_moved AFTER UPDATE OF is_protected ON mirrored_content
WHEN NEW.is_protected <> OLD.is_protected BEGIN
  UPDATE mirrored_size SET
    protected_bytes = protected_bytes + NEW.size_bytes * (NEW.is_protected - OLD.is_protected) WHERE id = 1;
END;
CREATE TRIGGER mirrored_transits_added AFTER INSERT ON mirrored_transits BEGIN
  UPDATE mirrored_size SET transit_bytes = transit_bytes + NEW.size_bytes WHERE id = 1;
END;
CREATE TRIGGER mirrored_transits_removed AFTER DELETE ON mirrored_transits BEGIN
  UPDATE mirrored_size SET transit_bytes = transit_bytes - OLD.size_bytes WHERE id = 1;
END;
