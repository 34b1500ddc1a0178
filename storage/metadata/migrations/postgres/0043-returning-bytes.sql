-- Until when (milliseconds since 1970) a writer that stood still may store bytes that a collector has deleted: their review stays
-- until then, whoever pushes and deletes the same bytes meanwhile.
ALTER TABLE reviews ADD COLUMN returns_until BIGINT;
