-- Content that was used again after it came: what is used only once does not push it out.
ALTER TABLE mirrored_content ADD COLUMN is_protected BIGINT NOT NULL DEFAULT 0;
CREATE INDEX mirrored_content_by_segment ON mirrored_content (is_protected, used_at, digest);
DROP INDEX mirrored_content_by_use;

-- Bytes that the store has, or is about to have, although no mirrored content counts them: on their way in or out.
CREATE TABLE mirrored_transits (
  digest     TEXT COLLATE "C" NOT NULL,
  is_leaving BIGINT NOT NULL,
  size_bytes BIGINT NOT NULL,
  since      BIGINT NOT NULL,
  PRIMARY KEY (digest, is_leaving)
);
CREATE INDEX mirrored_transits_by_time ON mirrored_transits (is_leaving, since);

-- Blobs too large to be kept for one request, and when there was one.
CREATE TABLE mirrored_refusals (
  digest     TEXT COLLATE "C" PRIMARY KEY,
  refused_at BIGINT NOT NULL
);
CREATE INDEX mirrored_refusals_by_time ON mirrored_refusals (refused_at);

-- One row: how many bytes those tables have. Triggers keep it, whichever version of berth writes.
CREATE TABLE mirrored_size (
  id              BIGINT PRIMARY KEY CHECK (id = 1),
  content_bytes   BIGINT NOT NULL,
  protected_bytes BIGINT NOT NULL,
  transit_bytes   BIGINT NOT NULL
);

CREATE FUNCTION mirrored_content_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    UPDATE mirrored_size SET content_bytes = content_bytes - OLD.size_bytes,
      protected_bytes = protected_bytes - OLD.size_bytes * OLD.is_protected WHERE id = 1;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    UPDATE mirrored_size SET content_bytes = content_bytes + NEW.size_bytes,
      protected_bytes = protected_bytes + NEW.size_bytes * NEW.is_protected WHERE id = 1;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER mirrored_content_changed AFTER INSERT OR DELETE ON mirrored_content
FOR EACH ROW EXECUTE FUNCTION mirrored_content_changed();
CREATE TRIGGER mirrored_content_moved AFTER UPDATE OF is_protected ON mirrored_content
FOR EACH ROW WHEN (NEW.is_protected <> OLD.is_protected) EXECUTE FUNCTION mirrored_content_changed();

CREATE FUNCTION mirrored_transits_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE mirrored_size SET transit_bytes = transit_bytes
    + CASE WHEN TG_OP = 'INSERT' THEN NEW.size_bytes ELSE -OLD.size_bytes END WHERE id = 1;
  RETURN NULL;
END $$;
CREATE TRIGGER mirrored_transits_changed AFTER INSERT OR DELETE ON mirrored_transits
FOR EACH ROW EXECUTE FUNCTION mirrored_transits_changed();

-- Other replicas cannot write from here on: what they have written is all here.
INSERT INTO mirrored_size (id, content_bytes, protected_bytes, transit_bytes)
SELECT 1, coalesce(sum(size_bytes), 0), 0, 0 FROM mirrored_content;
