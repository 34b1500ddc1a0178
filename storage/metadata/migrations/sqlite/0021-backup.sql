-- Backups of the metadata, and restored installations. Times are milliseconds since 1970.

-- Backups that exist or are being made. ended_at is null until a backup is complete. Garbage collection keeps the blobs that
-- the newest one may need.
CREATE TABLE backups (
  name     TEXT    PRIMARY KEY,
  began_at INTEGER NOT NULL,
  ended_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX backups_unfinished ON backups (began_at) WHERE ended_at IS NULL;
CREATE INDEX backups_complete ON backups (began_at) WHERE ended_at IS NOT NULL;

-- Why nothing is collected at present, such as a restored database that has not been compared with the blob store yet.
CREATE TABLE collection_blocks (
  reason TEXT    PRIMARY KEY,
  since  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
