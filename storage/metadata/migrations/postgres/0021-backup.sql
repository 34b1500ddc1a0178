-- Backups of the metadata, and restored installations. Times are milliseconds since 1970.

-- Backups that exist or are being made. ended_at is null until a backup is complete. Garbage collection keeps the blobs that
-- the newest one may need.
CREATE TABLE backups (
  name     TEXT   COLLATE "C" PRIMARY KEY,
  began_at BIGINT NOT NULL,
  ended_at BIGINT
);
CREATE INDEX backups_unfinished ON backups (began_at) WHERE ended_at IS NULL;
CREATE INDEX backups_complete ON backups (began_at) WHERE ended_at IS NOT NULL;

-- Why nothing is collected at present, such as a restored database that has not been compared with the blob store yet.
CREATE TABLE collection_blocks (
  reason TEXT   COLLATE "C" PRIMARY KEY,
  since  BIGINT NOT NULL
);
